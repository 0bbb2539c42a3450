// The outline mode: corners are set, moved and taken back by mouse, finger, pen or keys. A drag elsewhere still pans.
import { announce } from "../../live.js";
import { STEP, STRIDE } from "../pane.js";
import { drawOutline } from "./layer.js";
import { outlineOf } from "./outline.js";
import { OutlinePanel } from "./panel.js";

const REACH = { mouse: 9, pen: 12, touch: 22, keys: 5 }; // screen pixels within which a corner is meant
const STILL = 4; // screen pixels that a click may tremble
const PAUSE = 600; // ms without a step, then the cross says where it is
const EDGE = 32; // screen pixels that the cross keeps from the pane's edges

export class OutlineTool {
  constructor(viewer) {
    this.viewer = viewer;
    this.panel = new OutlinePanel(viewer);
    this.on = false;
  }

  get pane() {
    return this.viewer.panes[0];
  }

  /** Another photograph: another outline. */
  show(photo) {
    this.outline = outlineOf(photo);
    this.release();
  }

  /** keys: whether a key began it, which then finds a cross to move. */
  toggle(on, keys) {
    this.on = on;
    this.release();
    if (on && keys) this.cross = this.middle();
    this.viewer.press("outline", on);
    if (on) this.take();
    this.viewer.draw();
  }

  /** Keys go to the photograph, and what is asked for is said. */
  take() {
    this.viewer.focus({ preventScroll: true });
    announce(this.panel.told(this.outline, this.cross));
  }

  /** Nothing is pointed at or held. cross: [column, row] of the keys' cross; hover: of the mouse. */
  release() {
    this.cross = this.hover = this.held = this.press = null;
    this.panel.problem.textContent = "";
    clearTimeout(this.pausing);
  }

  draw() {
    this.viewer.classList.toggle("drawing", this.on && !this.outline.closed);
    if (!this.on) return;
    drawOutline(this.pane, this.outline, { aim: this.cross ?? this.hover, held: this.held });
    if (this.cross) this.pane.drawCross(this.pane.spotOf(this.cross));
    this.panel.show(this.outline, this.cross);
  }

  // Buttons
  clicked(name) {
    if (name === "save") return this.panel.save(this.outline);
    this.release();
    if (name === "back") return this.back();
    if (name === "close") return this.close();
    this.outline.clear();
    this.take();
    this.viewer.draw();
  }

  back() {
    this.held = null;
    this.outline.back();
    this.panel.say("back", { n: this.outline.corners.length });
    this.viewer.focus({ preventScroll: true }); // a button that can't be pressed any more can't keep the focus
    this.viewer.draw();
  }

  close() {
    this.held = null;
    this.outline.close();
    this.take();
    this.viewer.draw();
  }

  // Pointers
  down(event) {
    const corner = this.near([event.clientX, event.clientY], REACH[event.pointerType] ?? REACH.mouse);
    const [x, y] = corner === null ? [event.clientX, event.clientY] : this.onScreen(this.outline.corners[corner]);
    const [dx, dy] = [x - event.clientX, y - event.clientY]; // a corner isn't moved by being touched beside its middle
    const pixel = this.pixel(event.clientX, event.clientY); // of what was pressed: words below may change, and the layout
    this.release();
    this.press = { corner, pixel, x: event.clientX, y: event.clientY, dx, dy, moved: false };
    this.viewer.draw();
  }

  /** A second finger: they zoom. */
  forget() {
    this.press = null;
  }

  /** Whether the movement is the outline's, and pans nothing. */
  moved(event) {
    const { press } = this;
    if (!press) return false;
    press.moved ||= Math.hypot(event.clientX - press.x, event.clientY - press.y) > STILL;
    if (!press.moved) return true;
    if (press.corner === null) return false;
    this.outline.move(press.corner, this.pixel(event.clientX + press.dx, event.clientY + press.dy));
    this.viewer.draw();
    return true;
  }

  hovered(event) {
    if (!this.on || event.pointerType !== "mouse") return;
    const { clientX, clientY, target } = event;
    const near = this.near([clientX, clientY], REACH.mouse);
    this.viewer.classList.toggle("at-corner", near !== null);
    const aim = near === null ? this.pixel(clientX, clientY) : this.outline.corners[near];
    this.hover = this.pane.root.contains(target) ? aim : null;
    this.viewer.draw();
  }

  up(event) {
    const { press, outline } = this;
    this.press = null;
    if (!press || event.type === "pointercancel") return;
    if (press.moved) {
      if (press.corner !== null) this.tell(press.corner);
    } else if (press.corner === 0 && outline.closable) {
      this.close();
    } else if (press.corner === null && !outline.closed) {
      this.add(press.pixel);
    }
  }

  // Keys. Returns whether the key was the outline's.
  pressed({ key, shiftKey, target }, way) {
    const here = target === this.viewer;
    if (way && (here || shiftKey)) this.step(way, shiftKey ? STRIDE : STEP);
    else if (key === "Backspace" && this.viewer.contains(target)) this.back();
    else if (here && (key === "Enter" || key === " ")) this.mark();
    else if (here && (key === "PageDown" || key === "PageUp")) this.jump(key === "PageDown" ? 1 : -1);
    else return false;
    return true;
  }

  step([x, y], far) {
    const { scale } = this.pane;
    const [column, row] = this.cross ?? this.middle();
    const pixels = Math.max(1, Math.round(far / scale));
    this.go(this.pane.inside([column + x * pixels, row + y * pixels]));
    if (this.held !== null) this.outline.move(this.held, this.cross);
    this.viewer.draw();
    clearTimeout(this.pausing);
    this.pausing = setTimeout(() => this.panel.say("at", place(this.cross)), PAUSE);
  }

  /** Enter or Space: puts down what is held, closes, picks up, or sets a corner. */
  mark() {
    const { cross, outline, held } = this;
    const last = outline.corners.length - 1;
    const near = cross && this.near(this.onScreen(cross), REACH.keys);
    if (held !== null) {
      this.held = null;
      this.tell(held);
    } else if (!cross) {
      if (outline.closable) return this.close();
      this.go(this.middle());
      this.panel.say("at", place(this.cross));
    } else if (near === null) {
      if (!outline.closed) this.add(cross);
    } else if (outline.closable && (near === 0 || near === last)) {
      return this.close();
    } else if (!outline.closed && near === last) {
      this.panel.say("few");
    } else {
      this.held = near;
      this.go(outline.corners[near]);
      this.panel.say("held", { n: near + 1 });
    }
    this.viewer.draw();
  }

  /** The cross to the next or previous corner. */
  jump(by) {
    const { corners } = this.outline;
    if (!corners.length) return;
    const from = this.cross ? this.near(this.onScreen(this.cross), REACH.keys) : null;
    const to = from === null ? (by > 0 ? 0 : corners.length - 1) : (from + by + corners.length) % corners.length;
    this.held = null;
    this.go(corners[to]);
    this.tell(to);
    this.viewer.draw();
  }

  /** The cross, and the view after it where it would leave the pane. */
  go(cross) {
    this.cross = cross;
    const { pane } = this;
    const { clientWidth, clientHeight } = pane.root;
    const [x, y] = pane.spotOf(cross);
    const beyond = (at, size) => Math.min(at - EDGE, 0) + Math.max(at - size + EDGE, 0);
    this.viewer.pan(beyond(x, clientWidth), beyond(y, clientHeight));
  }

  // Places
  add(corner) {
    this.outline.add(corner);
    this.tell(this.outline.corners.length - 1);
    this.viewer.draw();
  }

  tell(corner) {
    clearTimeout(this.pausing);
    this.panel.say("corner", { n: corner + 1, ...place(this.outline.corners[corner]) });
  }

  pixel(clientX, clientY) {
    return this.pane.pixelOf(this.pane.at(clientX, clientY));
  }

  middle() {
    return this.pane.pixelOf(this.viewer.view);
  }

  onScreen(pixel) {
    const box = this.pane.root.getBoundingClientRect();
    const [x, y] = this.pane.spotOf(pixel);
    return [box.left + x, box.top + y];
  }

  /** The nearest corner within `reach` of a place on the screen, or null. */
  near([x, y], reach) {
    const away = this.outline.corners.map((corner) => {
      const [cx, cy] = this.onScreen(corner);
      return Math.hypot(cx - x, cy - y);
    });
    const least = Math.min(...away);
    return least <= reach ? away.indexOf(least) : null;
  }
}

const place = ([x, y]) => ({ x, y });
