// One photograph on its stage. The view is kept in the photograph's own terms, so that two panes can share it.
import { drawn } from "./svg.js";

/** What is looked at: the point (fractions of the photograph) at the pane's middle, and the zoom over "all of it". */
export const whole = () => ({ x: 0.5, y: 0.5, zoom: 1 });
export const MOST = 24;
/** How far keys move a cross, in screen pixels; the larger with Shift. */
export const [STEP, STRIDE] = [2, 24];
const clamp = (value, high) => Math.min(Math.max(value, 0), high);

export class Pane {
  constructor(root) {
    this.root = root;
    this.image = new Image();
    this.image.alt = "";
    this.image.draggable = false;
    this.over = null;
    this.marks = drawn("svg", { class: "marks", "aria-hidden": "true" });
    this.kind = Object.assign(document.createElement("span"), { className: "label kind" });
    this.length = Object.assign(document.createElement("span"), { className: "label length", hidden: true });
    this.bar = Object.assign(document.createElement("span"), { className: "label scale", hidden: true });
    root.replaceChildren(this.image, this.marks, this.kind, this.length, this.bar);
    this.width = this.height = 1;
    this.mm = null;
  }

  /** photo: {src, width, height, mm, label, alt}. */
  show(photo) {
    this.hideOver();
    Object.assign(this, { width: photo.width, height: photo.height, mm: photo.mm });
    this.image.width = photo.width;
    this.image.height = photo.height;
    this.image.alt = photo.label;
    this.image.src = photo.src;
    this.kind.textContent = photo.label;
    this.line = null;
  }

  /** Screen pixels per photograph pixel when all of it is seen. */
  get fit() {
    return Math.min(this.root.clientWidth / this.width, this.root.clientHeight / this.height) || 1;
  }

  /** Draw `view`. scale: screen pixels per photograph pixel. */
  draw(view, scale, unit) {
    const left = this.root.clientWidth / 2 - view.x * this.width * scale;
    const top = this.root.clientHeight / 2 - view.y * this.height * scale;
    Object.assign(this, { left, top, scale });
    const where = `translate(${left}px, ${top}px) scale(${scale})`;
    this.image.style.transform = where;
    if (this.over) this.over.style.transform = where;
    this.drawLine();
    this.drawBar(unit);
  }

  /** From the screen (client coordinates) to fractions of the photograph. */
  at(clientX, clientY) {
    const box = this.root.getBoundingClientRect();
    return { x: (clientX - box.left - this.left) / (this.scale * this.width), y: (clientY - box.top - this.top) / (this.scale * this.height) };
  }

  /** Where such fractions are drawn: [x, y] in screen pixels of the pane. */
  spot({ x, y }) {
    return [this.left + x * this.width * this.scale, this.top + y * this.height * this.scale];
  }

  /** The pixel [column, row] at such fractions, the nearest one if they lie outside. */
  pixelOf({ x, y }) {
    return this.inside([Math.floor(x * this.width), Math.floor(y * this.height)]);
  }

  inside([column, row]) {
    return [clamp(column, this.width - 1), clamp(row, this.height - 1)];
  }

  /** Where the middle of a pixel is drawn. */
  spotOf([column, row]) {
    return this.spot({ x: (column + 0.5) / this.width, y: (row + 0.5) / this.height });
  }

  drawLine() {
    const { line } = this;
    this.marks.replaceChildren();
    this.length.hidden = !line?.to;
    if (!line) return;
    const [x1, y1] = this.spot(line.from);
    const [x2, y2] = this.spot(line.to ?? line.from);
    for (const css of ["under", ""]) this.marks.append(drawn("line", { x1, y1, x2, y2, class: css }));
    for (const [cx, cy] of [[x1, y1], [x2, y2]]) this.marks.append(drawn("circle", { cx, cy, r: 5 }));
    const [x, y] = y2 > y1 ? [x2, y2] : [x1, y1];
    this.length.style.left = `${x}px`;
    this.length.style.top = `${y}px`;
  }

  drawCross([x, y]) {
    for (const css of ["under", "cross"]) {
      this.marks.append(drawn("line", { x1: x - 12, x2: x + 12, y1: y, y2: y, class: css }));
      this.marks.append(drawn("line", { x1: x, x2: x, y1: y - 12, y2: y + 12, class: css }));
    }
  }

  /** Length of the measured line: in mm if a scale is known, else in pixels of the photograph. */
  get measured() {
    if (!this.line?.to) return null;
    const { from, to } = this.line;
    const px = Math.hypot((to.x - from.x) * this.width, (to.y - from.y) * this.height);
    return this.mm ? { mm: px * this.mm, px } : { px };
  }

  /** A bar of a round number of mm, of 60 to 160 screen pixels. */
  drawBar(unit) {
    this.bar.hidden = !this.mm;
    if (!this.mm) return;
    const perMm = this.scale / this.mm;
    const size = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100].find((s) => s * perMm >= 60) ?? 100;
    const mark = document.createElement("i");
    mark.style.width = `${size * perMm}px`;
    this.bar.replaceChildren(mark, unit(size));
  }

  async showOver(source, opacity) {
    const over = Object.assign(new Image(), { src: source, alt: "" });
    await over.decode();
    this.hideOver();
    over.width = this.width;
    over.height = this.height;
    over.style.opacity = opacity;
    over.style.transform = this.image.style.transform;
    this.over = over;
    this.image.after(over);
  }

  hideOver() {
    this.over?.remove();
    this.over = null;
  }
}
