import "./keys.js";
import "./queue.js";
import "./travel.js";
import "./reading.js";
import "./new.js";
import "./viewer/viewer.js";
import { announce } from "./live.js";

const dark = matchMedia("(prefers-color-scheme: dark)");

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-theme-toggle]")) {
    const root = document.documentElement;
    const now = root.dataset.theme || (dark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
    localStorage.setItem("theme", root.dataset.theme);
  }
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens).showModal();
  if (event.target.closest("[data-print]")) print();
});

// htmx: the session's token goes with every request, and a refusal is said where it was caused.
document.addEventListener("htmx:configRequest", ({ detail }) => {
  const token = document.querySelector("input[name=csrf]")?.value;
  if (token) detail.headers["X-CSRF-Token"] = token;
});
document.addEventListener("htmx:responseError", ({ detail }) => problem(detail.elt, detail.xhr.responseText.trim()));
document.addEventListener("htmx:sendError", ({ detail }) => problem(detail.elt, document.body.dataset.offline));

function problem(element, words) {
  const place = element.closest("form, .panel")?.querySelector(".problem") ?? document.querySelector(".problem");
  if (place) {
    place.textContent = words;
    place.scrollIntoView({ block: "nearest" });
  } else {
    announce(words);
  }
}
