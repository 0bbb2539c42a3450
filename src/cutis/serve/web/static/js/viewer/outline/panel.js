// What is said of the outline below the photograph, and what can be done with it there.
import { announce } from "../../live.js";
import { Refusal, save, segmentation } from "./files.js";
import { maskOf } from "./mask.js";
import { area, crosses, diameter } from "./shape.js";

export class OutlinePanel {
  constructor(viewer) {
    this.viewer = viewer;
    this.root = viewer.querySelector("[data-extra=outline]");
    this.says = this.root.querySelector("[data-says]");
    this.problem = this.root.querySelector(".problem");
  }

  words(name, values = {}) {
    return this.root.dataset[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
  }

  say(name, values) {
    announce(this.words(name, values));
  }

  show(outline, keys) {
    const { closed, corners } = outline;
    const sound = closed && !crosses(corners);
    const seen = { drawing: !closed, closed, seg: sound && this.segmentable, png: sound && !this.segmentable };
    for (const part of this.root.querySelectorAll("[data-when]")) part.hidden = !seen[part.dataset.when];
    this.act("back").disabled = !corners.length;
    this.act("close").disabled = !outline.closable;
    this.says.textContent = this.told(outline, keys);
  }

  /** The outline in a line: how to draw it (by keys or not), or what it measures. */
  told({ closed, corners }, keys) {
    if (!closed) return this.words(keys ? "keys" : "hint");
    if (crosses(corners)) return this.words("crosses");
    const { number, dataset, panes } = this.viewer;
    const { mm } = panes[0];
    const [unit, scale] = mm ? [dataset.mm, mm] : [dataset.px, 1];
    const amount = (value) => number.format(mm ? value : Math.round(value));
    return this.words("measured", {
      area: `${amount(area(corners) * scale ** 2)} ${unit}²`,
      diameter: `${amount(diameter(corners).length * scale)} ${unit}`,
    });
  }

  act(name) {
    return this.root.querySelector(`[data-outline=${name}]`);
  }

  get segmentable() {
    return Boolean(this.viewer.photo.dataset.seg);
  }

  /** Hands the outline to the browser as a file: DICOM beside DICOM, else a picture of the mask. */
  async save({ corners }) {
    const { dataset } = this.viewer.photo;
    this.problem.textContent = "";
    this.viewer.toggleAttribute("data-busy", true);
    try {
      const name = `${dataset.photo}.${this.segmentable ? "seg.dcm" : "mask.png"}`;
      const size = [Number(dataset.width), Number(dataset.height)];
      save(await (this.segmentable ? segmentation(dataset.seg, corners) : maskOf(corners, ...size)), name);
      this.say("saved", { name });
    } catch (error) {
      this.problem.textContent = error instanceof Refusal ? error.message : this.words("failed");
      announce(this.problem.textContent);
    }
    this.viewer.toggleAttribute("data-busy", false);
  }
}
