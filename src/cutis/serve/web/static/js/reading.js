// The reading form: own words open a field, a diagnosis outside the model's list asks why, keys answer checklists.
document.addEventListener("change", ({ target }) => {
  const form = target.closest("form[data-reading]");
  if (form && target.name === "diagnosis") look(form);
});
document.addEventListener("cutis:arrived", () => {
  const form = document.querySelector("form[data-reading]");
  if (form) look(form, false);
});

function look(form, chosen = true) {
  const given = form.querySelector("input[name=diagnosis]:checked");
  const own = form.querySelector("[data-own]");
  own.hidden = given?.value !== "";
  own.querySelector("input").required = !own.hidden;
  if (!own.hidden && chosen) own.querySelector("input").focus();
  const why = form.querySelector("[data-override]");
  if (!why) return;
  const inside = form.dataset.set.split(" ").filter(Boolean);
  const asked = "correcting" in form.dataset || (Boolean(given) && inside.length > 0 && !inside.includes(given.value));
  why.hidden = !asked;
  why.querySelector("textarea").required = asked;
}

// A checklist's total stands beside its name, so that it is seen when the list is closed.
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  const total = detail.target.closest(".checklist")?.querySelector("[data-total]");
  if (total) total.textContent = detail.target.querySelector("[data-total-is]")?.dataset.totalIs ?? "";
});
