// One key, one element: what carries data-key is clicked, or focused if it takes typing. What is not on the page has no
// key, so keys and page can't drift apart. People who dictate or bump keys can turn single keys off (WCAG 2.1.4).
export const TYPING = "input:not([type=radio], [type=checkbox], [type=range], [type=file]), textarea, select, [contenteditable]";
const ALWAYS = new Set(["?"]);

export const singleKeys = () => localStorage.getItem("single-keys") !== "off";

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape" && event.target.matches(TYPING)) return event.target.blur();
  if (event.target.matches(TYPING) || document.querySelector("dialog[open]")) return;
  if (!singleKeys() && !ALWAYS.has(event.key)) return;
  const found = [...document.querySelectorAll(`[data-key="${CSS.escape(event.key)}"]`)].find(usable);
  if (!found) return;
  event.preventDefault();
  if (found.matches(TYPING)) {
    found.focus();
    found.select?.();
  } else if (found.matches("input")) {
    found.focus();
    found.scrollIntoView({ block: "center" });
  } else {
    found.click();
  }
});

function usable(element) {
  return !element.disabled && element.checkVisibility({ visibilityProperty: true });
}

function show() {
  for (const box of document.querySelectorAll("[data-single-keys]")) box.checked = singleKeys();
}
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-single-keys]")) localStorage.setItem("single-keys", event.target.checked ? "on" : "off");
});
show();
