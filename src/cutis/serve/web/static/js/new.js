// A new case: photographs dropped, chosen, taken with the camera or pasted; sent once, with what is known of the lesion.
import { announce } from "./live.js";

const GUESS = ["dermoscopy", "close-up", "overview"]; // the kind of the first, second, third photograph, until told

class Sending {
  constructor(form) {
    this.form = form;
    this.files = new Map(); // list item -> file
    this.list = form.querySelector("[data-taken]");
    this.row = form.querySelector("[data-row]");
    this.problem = form.querySelector(".problem");
    this.progress = form.querySelector("[data-progress]");
    const drop = form.querySelector("[data-drop]");
    for (const input of drop.querySelectorAll("input")) {
      input.addEventListener("change", () => {
        this.add(input.files);
        input.value = "";
      });
    }
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
    document.addEventListener("dragleave", (event) => event.relatedTarget ?? drop.classList.remove("over"));
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      this.add(event.dataTransfer.files);
    });
    document.addEventListener("paste", (event) => event.clipboardData.files.length && this.add(event.clipboardData.files));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
  }

  add(files) {
    this.problem.textContent = "";
    for (const file of files) {
      if (file.size > Number(this.form.dataset.maxBytes)) {
        this.problem.textContent = this.form.dataset.tooLarge.replace("{name}", file.name).replace("{megabytes}", (file.size / 1e6).toFixed(0));
        continue;
      }
      const item = this.row.content.firstElementChild.cloneNode(true);
      const n = this.files.size;
      const [label, kind] = [item.querySelector("label"), item.querySelector("select")];
      kind.id = label.htmlFor = `kind-${performance.now()}`;
      label.textContent = `${this.form.dataset.kind}: ${file.name}`;
      kind.value = GUESS[Math.min(n, GUESS.length - 1)];
      item.querySelector("[data-name]").textContent = `${file.name} · ${(file.size / 1e6).toFixed(1)} MB`;
      const remove = item.querySelector("button");
      remove.setAttribute("aria-label", `${this.form.dataset.remove}: ${file.name}`);
      remove.addEventListener("click", () => {
        this.files.delete(item);
        item.remove();
      });
      this.picture(item.querySelector(".blank"), file);
      this.files.set(item, file);
      this.list.append(item);
    }
  }

  picture(blank, file) {
    if (!file.type.startsWith("image/")) return; // DICOM is shown once the server has read it
    const image = Object.assign(new Image(), { src: URL.createObjectURL(file), alt: "" });
    image.addEventListener("load", () => {
      URL.revokeObjectURL(image.src);
      blank.replaceWith(image);
    });
  }

  async send() {
    const { form } = this;
    if (!this.files.size) {
      this.problem.textContent = form.dataset.nothing;
      return;
    }
    const body = new FormData();
    for (const field of form.querySelectorAll("input[name], select[name], textarea[name]")) {
      const empty = field.type === "checkbox" ? !field.checked : !field.value;
      if (field.type !== "hidden" && !empty) body.append(field.name, field.value);
    }
    for (const [item, file] of this.files) {
      body.append("pictures", file, "picture"); // a file's name may be somebody's: it stays here
      body.append("kind", item.querySelector("select").value);
    }
    const button = form.querySelector(".submit button");
    button.disabled = true;
    this.problem.textContent = "";
    this.progress.textContent = form.dataset.reading;
    announce(form.dataset.reading);
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        body,
        headers: { Accept: "application/json", "X-CSRF-Token": form.elements.csrf.value },
        credentials: "same-origin",
      });
      const said = await answer.json();
      if (answer.ok) {
        location.href = `/cases/${said.id}`;
        return;
      }
      this.problem.textContent = typeof said.detail === "string" ? said.detail : said.detail[0].msg;
    } catch {
      this.problem.textContent = form.dataset.offline;
    }
    this.progress.textContent = "";
    button.disabled = false;
  }
}

const form = document.querySelector("form[data-new]");
if (form) new Sending(form);
