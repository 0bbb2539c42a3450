const SVG = "http://www.w3.org/2000/svg";

/** An SVG element with these attributes. */
export function drawn(name, values) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
  return made;
}
