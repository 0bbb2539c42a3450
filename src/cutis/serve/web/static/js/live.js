/** Say something to those who don't see the screen, without moving the focus. */
export function announce(words) {
  const place = document.getElementById("live");
  place.textContent = "";
  requestAnimationFrame(() => (place.textContent = words));
}
