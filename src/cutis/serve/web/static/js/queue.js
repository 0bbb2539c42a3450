// The queue by keyboard: j and k (or arrows) move the focus along the rows, Enter opens as it does any link.
import { singleKeys, TYPING } from "./keys.js";

const DOWN = new Set(["j", "ArrowDown"]);
const UP = new Set(["k", "ArrowUp"]);
const LAST = "last-case";

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = DOWN.has(event.key) ? 1 : UP.has(event.key) ? -1 : 0;
  const list = document.querySelector("[data-queue]");
  if (!step || !list || document.querySelector("dialog[open]")) return;
  if (event.target.matches(TYPING) || (event.key.startsWith("Arrow") && event.target.closest("form"))) return;
  if (event.key.length === 1 && !singleKeys()) return;
  const rows = [...list.querySelectorAll(".row")];
  const at = rows.indexOf(document.activeElement.closest(".row"));
  const next = at < 0 ? (rows.find((row) => row.classList.contains("here")) ?? rows[0]) : rows[at + step];
  if (!next) return;
  event.preventDefault();
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
});

// The filters' address, which the server gives, is the page's, so that a reload and the cases opened from here keep them.
// What was typed is not in it.
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.successful && detail.elt.matches("[data-address]")) history.replaceState(null, "", detail.pathInfo.responsePath);
});

document.addEventListener("click", (event) => {
  const row = event.target.closest(".row");
  if (row) sessionStorage.setItem(LAST, row.id);
});

/** Back from a case: the row that was opened has the focus. */
export function resume() {
  const row = document.getElementById(sessionStorage.getItem(LAST) ?? "");
  if (!row?.matches(".row")) return;
  row.classList.add("here");
  row.scrollIntoView({ block: "nearest" });
  row.addEventListener("blur", () => row.classList.remove("here"), { once: true });
  row.focus({ preventScroll: true });
}
resume();
