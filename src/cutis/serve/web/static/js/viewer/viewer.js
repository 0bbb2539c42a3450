// The photograph viewer: zoom, pan, pinch, measure, outline, an earlier visit beside, the saliency above; all by keys.
import { singleKeys, TYPING } from "../keys.js";
import { announce } from "../live.js";
import { OutlineTool } from "./outline/tool.js";
import { MOST, Pane, STEP, STRIDE, whole } from "./pane.js";

const PAN = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

class ImageViewer extends HTMLElement {
  connectedCallback() {
    this.panes = [new Pane(this.querySelector("[data-pane=now]"))];
    this.photos = [...this.querySelectorAll(".film button")];
    this.view = whole();
    this.pointers = new Map();
    this.outline = new OutlineTool(this);
    this.gone = new AbortController();
    const { signal } = this.gone;
    const stage = this.querySelector(".panes");
    this.addEventListener("click", (event) => this.clicked(event), { signal });
    this.addEventListener("change", (event) => event.target.matches("[data-visits]") && this.showEarlier(), { signal });
    this.addEventListener("input", (event) => event.target.matches("#opacity") && this.fade(), { signal });
    this.addEventListener("submit", (event) => this.calibrate(event), { signal });
    document.addEventListener("keydown", (event) => this.pressed(event), { signal });
    stage.addEventListener("wheel", (event) => this.wheeled(event), { passive: false, signal });
    stage.addEventListener("pointerdown", (event) => this.down(event), { signal });
    stage.addEventListener("pointermove", (event) => this.moved(event), { signal });
    stage.addEventListener("pointerleave", (event) => this.outline.hovered(event), { signal });
    for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (event) => this.up(event), { signal });
    stage.addEventListener("dblclick", (event) => this.doubled(event), { signal });
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(stage);
    this.choose(this.photos[0]);
  }

  disconnectedCallback() {
    this.gone.abort();
    this.resized.disconnect();
  }

  get number() {
    return new Intl.NumberFormat(this.dataset.numberFormat, { maximumFractionDigits: 1 });
  }

  choose(button) {
    for (const other of this.photos) other.setAttribute("aria-pressed", String(other === button));
    this.photo = button;
    this.panes[0].show(read(button));
    this.outline.show(button.dataset.photo);
    this.view = whole();
    this.press("saliency", false);
    for (const about of document.querySelectorAll("[data-about]")) about.hidden = about.dataset.about !== button.dataset.photo;
    const layer = this.button("saliency");
    if (layer) layer.disabled = !button.dataset.saliency;
    this.lengths();
    this.draw();
  }

  // Drawing. Two panes show the same part; at the same mm a screen pixel where both scales are known.
  draw() {
    const first = this.panes[0];
    const scale = first.fit * this.view.zoom;
    const unit = (size) => `${this.number.format(size)} ${this.dataset.mm}`;
    for (const pane of this.panes) {
      const same = pane !== first && pane.mm && first.mm;
      pane.draw(this.view, pane === first ? scale : same ? (scale * pane.mm) / first.mm : pane.fit * this.view.zoom, unit);
    }
    if (this.cursor) first.drawCross(first.spot(this.cursor));
    this.outline.draw();
    this.querySelector("[data-level]").textContent = `${Math.round(100 * this.view.zoom)} %`;
  }

  zoomAt(factor, event) {
    const zoom = clamp(this.view.zoom * factor, 1, MOST);
    const held = event ? this.paneOf(event).at(event.clientX, event.clientY) : { x: this.view.x, y: this.view.y };
    const change = this.view.zoom / zoom; // what is under the pointer stays under it
    this.view = { zoom, x: held.x + (this.view.x - held.x) * change, y: held.y + (this.view.y - held.y) * change };
    this.bound();
  }

  pan(dx, dy, pane = this.panes[0]) {
    this.view.x += dx / (pane.width * pane.scale);
    this.view.y += dy / (pane.height * pane.scale);
    this.bound();
  }

  bound() {
    const slack = 0.5 - 0.5 / this.view.zoom; // the middle may not leave the photograph
    this.view.x = clamp(this.view.x, 0.5 - slack, 0.5 + slack);
    this.view.y = clamp(this.view.y, 0.5 - slack, 0.5 + slack);
    this.draw();
  }

  // Pointers
  paneOf(event) {
    return this.panes.find((pane) => pane.root.contains(event.target)) ?? this.panes[0];
  }

  wheeled(event) {
    event.preventDefault();
    this.zoomAt(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0018)), event);
  }

  doubled(event) {
    if (!this.outline.on) this.zoomAt(this.view.zoom > 1.5 ? 1 / this.view.zoom : 2.5, event); // two corners, set quickly
  }

  down(event) {
    if (event.button) return;
    const pane = this.paneOf(event);
    pane.root.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.measuring && this.pointers.size === 1) {
      pane.line = { from: pane.at(event.clientX, event.clientY) };
      this.drawing = pane;
    } else {
      this.drawing = null;
      if (this.outline.on && pane === this.panes[0] && this.pointers.size === 1) this.outline.down(event);
      else this.outline.forget();
    }
  }

  moved(event) {
    const last = this.pointers.get(event.pointerId);
    if (!last) return this.outline.hovered(event);
    const now = { x: event.clientX, y: event.clientY };
    if (this.outline.moved(event)) {
      // a corner moves, not the view
    } else if (this.drawing) {
      this.drawing.line.to = this.drawing.at(now.x, now.y);
      this.lengths();
      this.draw();
    } else if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      const apart = (p) => Math.hypot(p.x - other.x, p.y - other.y);
      const middle = { clientX: (now.x + other.x) / 2, clientY: (now.y + other.y) / 2, target: event.target };
      this.zoomAt(apart(now) / Math.max(apart(last), 1), middle);
      this.pan((last.x - now.x) / 2, (last.y - now.y) / 2, this.paneOf(event));
    } else {
      this.pan(last.x - now.x, last.y - now.y, this.paneOf(event));
    }
    this.pointers.set(event.pointerId, now);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    this.outline.up(event);
    if (this.drawing && !this.pointers.size) {
      const length = this.drawing.measured;
      if (!length || length.px < 2) this.drawing.line = null;
      this.drawing = null;
      this.lengths(true);
      this.draw();
    }
  }

  // Keys: anywhere on the page, but while something is typed; plain arrows only with the focus here.
  pressed(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches(TYPING) || document.querySelector("dialog[open]")) return;
    if (PAN[event.key] && event.target.matches("input")) return; // a slider's own
    if (this.outline.on && this.outline.pressed(event, PAN[event.key])) return event.preventDefault();
    const here = event.target === this;
    if (PAN[event.key] && (here || event.shiftKey)) {
      const [x, y] = PAN[event.key];
      if (this.cursor) this.step(x, y, event.shiftKey ? STRIDE : STEP);
      else this.pan(60 * x, 60 * y);
    } else if (event.key === "Escape" && this.measuring) this.do("measure");
    else if (event.key === "Escape" && this.outline.on) this.do("outline");
    else if (event.key === "Enter" && here && this.cursor) this.mark();
    else if (!singleKeys() && !here) return;
    else if (event.key === "+" || event.key === "=") this.zoomAt(1.35);
    else if (event.key === "-" || event.key === "−") this.zoomAt(1 / 1.35);
    else if (event.key === "0") this.do("fit");
    else if (event.key === "m") this.do("measure");
    else if (event.key === "o") this.do("outline", true);
    else if (event.key === "e") this.do("earlier");
    else if (event.key === "a") this.do("saliency");
    else return;
    event.preventDefault();
  }

  step(x, y, pixels) {
    const pane = this.panes[0];
    this.cursor.x = clamp(this.cursor.x + (x * pixels) / (pane.width * pane.scale), 0, 1);
    this.cursor.y = clamp(this.cursor.y + (y * pixels) / (pane.height * pane.scale), 0, 1);
    if (pane.line && !pane.line.done) pane.line.to = { ...this.cursor };
    this.lengths();
    this.draw();
  }

  mark() {
    const pane = this.panes[0];
    if (!pane.line || pane.line.done) pane.line = { from: { ...this.cursor } };
    else Object.assign(pane.line, { to: { ...this.cursor }, done: true });
    this.lengths(true);
    this.draw();
  }

  // Tools
  button(name) {
    return this.querySelector(`[data-do=${name}]`);
  }

  press(name, on) {
    this.button(name)?.setAttribute("aria-pressed", String(on));
    const extra = this.querySelector(`[data-extra=${name}]`);
    if (extra) extra.hidden = !on;
  }

  clicked(event) {
    const photo = event.target.closest(".film button");
    if (photo) this.choose(photo);
    const tool = event.target.closest("[data-do]");
    if (tool) this.do(tool.dataset.do, !event.detail); // a button that is pressed by a key counts no clicks
    const act = event.target.closest("[data-outline]");
    if (act) this.outline.clicked(act.dataset.outline);
  }

  do(name, keys = false) {
    const tool = this.button(name);
    if (!tool || tool.disabled) return;
    const on = tool.getAttribute("aria-pressed") !== "true";
    if (name === "in") this.zoomAt(1.35);
    else if (name === "out") this.zoomAt(1 / 1.35);
    else if (name === "fit") {
      this.view = whole();
      this.draw();
    } else if (name === "measure" || name === "outline") this.draws(name, on, keys);
    else if (name === "earlier") this.compare(on);
    else if (name === "saliency") this.explain(on);
  }

  /** One of the two draws at a time. */
  draws(name, on, keys) {
    if (on && this.measuring) this.measure(false);
    if (on && this.outline.on) this.outline.toggle(false);
    if (name === "measure") this.measure(on);
    else this.outline.toggle(on, keys);
  }

  measure(on) {
    this.measuring = on;
    this.press("measure", on);
    this.classList.toggle("measuring", on);
    this.cursor = on && document.activeElement?.matches(":focus-visible") ? { x: this.view.x, y: this.view.y } : null;
    if (on) this.focus({ preventScroll: true });
    else for (const pane of this.panes) pane.line = null;
    this.lengths();
    this.draw();
  }

  lengths(say = false) {
    const out = this.querySelector("[data-length]");
    this.hint ??= out.textContent;
    const found = this.panes.map((pane) => [pane, pane.measured]).filter(([, length]) => length);
    const words = (l) => (l.mm ? `${this.number.format(l.mm)} ${this.dataset.mm}` : `${Math.round(l.px)} ${this.dataset.px}`);
    for (const [pane, length] of found) pane.length.textContent = words(length);
    out.textContent = found.length ? found.map(([, length]) => words(length)).join(" · ") : this.hint;
    this.querySelector("[data-calibrate]").hidden = !found.length || Boolean(this.panes[0].mm) || !this.panes[0].measured;
    if (say && found.length) announce(out.textContent);
  }

  calibrate(event) {
    event.preventDefault();
    const known = Number(event.target.querySelector("input").value);
    const { measured } = this.panes[0];
    if (!(known > 0) || !measured) return;
    this.panes[0].mm = known / measured.px;
    this.photo.dataset.mm = this.panes[0].mm; // for as long as this case is open
    this.lengths(true);
    this.draw();
  }

  compare(on) {
    this.press("earlier", on);
    const stage = this.querySelector(".panes");
    stage.classList.toggle("two", on);
    if (on) {
      const root = Object.assign(document.createElement("div"), { className: "pane" });
      stage.prepend(root); // what was before stands before
      this.panes[1] = new Pane(root);
      this.showEarlier();
    } else {
      this.panes.pop().root.remove();
    }
    this.draw();
  }

  showEarlier() {
    const chosen = this.querySelector("[data-visits]").selectedOptions[0];
    this.panes[1].show(read(chosen, chosen.value));
    const words = this.querySelector("[data-extra=earlier] p");
    words.textContent = this.panes[0].mm && this.panes[1].mm ? words.dataset.same : words.dataset.unknown;
    this.draw();
  }

  async explain(on) {
    this.press("saliency", on);
    const pane = this.panes[0];
    if (!on) return pane.hideOver();
    const photo = this.photo;
    announce(this.dataset.loading);
    this.toggleAttribute("data-busy", true);
    try {
      await pane.showOver(photo.dataset.saliency, this.querySelector("#opacity").value / 100);
      if (this.photo !== photo || this.button("saliency").getAttribute("aria-pressed") !== "true") pane.hideOver();
    } catch {
      this.press("saliency", false);
      announce(this.dataset.failed);
    }
    this.toggleAttribute("data-busy", false);
  }

  fade() {
    const { over } = this.panes[0];
    if (over) over.style.opacity = this.querySelector("#opacity").value / 100;
  }
}

function read({ dataset }, src = dataset.src) {
  return { src, width: Number(dataset.width), height: Number(dataset.height), mm: Number(dataset.mm) || null, label: dataset.label };
}

customElements.define("image-viewer", ImageViewer);
