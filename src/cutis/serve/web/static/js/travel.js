// From case to case without a new page: the next one is fetched, parsed and its photograph decoded while this one is
// read, so that a key press only swaps what is ready.
const FRESH = 60_000; // ms: others may have read a case meanwhile
const ready = new Map();

async function load(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" }, credentials: "same-origin" });
  if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

function fetched(address) {
  const known = ready.get(address);
  if (known && performance.now() - known.at < FRESH) return known.page;
  const page = load(address);
  ready.set(address, { page, at: performance.now() });
  page.catch(() => ready.delete(address));
  return page;
}

function ahead() {
  const link = document.querySelector("a[data-ahead]");
  if (!link || navigator.connection?.saveData) return;
  fetched(link.href).then(
    (page) => {
      const source = page.querySelector("[data-photo]")?.dataset.src;
      if (source) Object.assign(new Image(), { src: source }).decode().catch(() => {});
    },
    () => {},
  );
}

async function show(address, remember) {
  let page;
  try {
    page = await fetched(address);
  } catch {
    location.href = address; // the server says what is wrong, as a page
    return;
  }
  ready.clear(); // a page is shown once: what is done on it makes it old
  const main = document.adoptNode(page.getElementById("main"));
  document.getElementById("main").replaceWith(main);
  document.title = page.title;
  if (remember) history.pushState({ travelled: true }, "", address);
  scrollTo(0, 0);
  htmx.process(main);
  main.querySelector("h1")?.focus({ preventScroll: true });
  arrived();
}

function arrived() {
  performance.mark("case-shown");
  document.dispatchEvent(new CustomEvent("cutis:arrived"));
  (window.requestIdleCallback ?? setTimeout)(ahead);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-travel]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
  event.preventDefault();
  show(link.href, true);
});
addEventListener("popstate", () => (location.pathname.startsWith("/cases/") ? show(location.href, false) : location.reload()));
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.elt.id !== "main") return;
  ready.clear();
  (detail.elt.querySelector("#answer") ?? detail.elt.querySelector("h1"))?.focus();
  arrived();
});
arrived();
