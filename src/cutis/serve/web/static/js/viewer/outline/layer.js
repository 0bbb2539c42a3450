// The outline over its photograph, in lines and dots that are as thick at any zoom.
import { drawn } from "../svg.js";
import { diameter } from "./shape.js";

/** Draws into the pane's marks. aim: where the next corner would be; held: which corner is being moved by keys. */
export function drawOutline(pane, { corners, closed, closable }, { aim, held }) {
  const spots = corners.map((corner) => pane.spotOf(corner));
  const add = (name, values) => pane.marks.append(drawn(name, values));
  const line = (points, css, end = "") => {
    const d = `M${points.map((p) => p.join(" ")).join("L")}${end}`;
    for (const under of ["under ", ""]) add("path", { d, class: under + css });
  };
  if (spots.length > 1) line(spots, "side", closed ? "Z" : "");
  if (closed) {
    const { from, to } = diameter(corners);
    line([pane.spotOf(from), pane.spotOf(to)], "widest");
  } else if (aim && spots.length) {
    line([spots.at(-1), pane.spotOf(aim)], "aim");
  }
  spots.forEach(([cx, cy], i) => {
    const large = i === held || (i === 0 && closable);
    add("circle", { cx, cy, r: large ? 7.5 : 4.5, class: i === held ? "corner held" : "corner" });
  });
}
