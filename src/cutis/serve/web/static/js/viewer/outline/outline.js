// A lesion's outline: its corners, [column, row] in whole pixels of the photograph, in the order they were set.
export class Outline {
  corners = [];
  closed = false;

  get closable() {
    return !this.closed && this.corners.length >= 3;
  }

  add(corner) {
    this.corners.push(corner);
  }

  move(place, corner) {
    this.corners[place] = corner;
  }

  close() {
    this.closed = true;
  }

  /** Takes back what was done last: the closing, else the last corner. */
  back() {
    if (this.closed) this.closed = false;
    else this.corners.pop();
  }

  clear() {
    this.corners = [];
    this.closed = false;
  }
}

let last = { photo: null };

/** A photograph's outline. One is kept, in this window only: of the photograph that was shown last. */
export function outlineOf(photo) {
  if (last.photo !== photo) last = { photo, outline: new Outline() };
  return last.outline;
}
