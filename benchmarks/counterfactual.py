"""The counterfactual audit of a bundle on a dataset: its numbers as a CSV, the tables and picture of its docs page.

    python benchmarks/counterfactual.py BUNDLE DATASET [--images 200] [--scenes 200]

Writes results/counterfactual.csv, the tables of docs/explanation/counterfactual.md and docs/pictures/counterfactual.jpg
(phantom only). Target: 180 s for 200 photographs and 200 scenes on two cores, 360 processor seconds. The last line is
that over the processor seconds used, which other work on the machine doesn't change: `counterfactual ratio=X.XX`, 1 or
more meets it.
"""

from __future__ import annotations

import argparse
import io
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from common import ROOT, record, stamp
from cutis.audit.counterfactual import ARTEFACTS, TONES, Counterfactual, counterfactual
from cutis.audit.counterfactual.changes import sample_visible
from cutis.audit.counterfactual.on_phantom import REFERENCE
from cutis.bundle.load import load_bundle
from cutis.image.corruptions.base import generator
from cutis.phantom import sample
from cutis.phantom.optics.table import melanin_for_ita
from cutis.phantom.vocabulary import ARTEFACTS as KINDS
from cutis.progress import track
from cutis.schema.dossier import CounterfactualRow
from cutis.schema.estimate import Estimate

TARGET = 180.0  # seconds
PAGE = ROOT / "docs" / "explanation" / "counterfactual.md"
PICTURE = ROOT / "docs" / "pictures" / "counterfactual.jpg"
SHOWN = {"mel": 7, "nv": 8, "bkl": 14, "bcc": 11}  # a row of the picture each: class, and its seed
SIDE = 140
WORLDS = ("real", "phantom")


def flat(row: CounterfactualRow) -> dict[str, Any]:
    kept = row.model_dump(include={"world", "change", "value", "unit", "group", "n", "outside_trust"})
    for name in ("shift", "distance", "flips"):
        found: Estimate = getattr(row, name)
        numbers = {"": found.value, "_low": found.low, "_high": found.high}
        kept |= {f"{name}{end}": "" if v is None else round(v, 4) for end, v in numbers.items()}
    return kept | {"n_units": row.shift.n_units, "resampled": row.shift.unit, "reason": row.shift.reason}


def words(found: Estimate, form: str) -> str:
    def one(value: float) -> str:
        return f"{round(value, 2) + 0.0:{form}}"

    if found.value is None:
        return "-"
    if found.low is None or found.high is None:
        return one(found.value)
    return f"{one(found.value)} ({one(found.low)} to {one(found.high)})"


def by_change(found: Counterfactual, world: str) -> list[str]:
    """All images, a change a line."""
    answers = {(v.world, v.change): v.answers for v in found.verdicts}
    lines = [
        "| change | images | left out | p(malignant) changes by | size of the change | other class | the answers |",
        "|---|---:|---:|---|---|---|---|",
    ]
    lines += [
        f"| {row.change} | {row.n} | {row.outside_trust} | {words(row.shift, '+.2f')} | "
        f"{words(row.distance, '.2f')} | {words(row.flips, '.0%')} | {answers[world, row.change]} |"
        for row in found.rows
        if row.world == world and row.group == "all"
    ]
    return lines


def by_class(found: Counterfactual, world: str) -> list[str]:
    """The change of p(malignant), a class a line, for the darkest tone and each artefact."""
    chosen = [f"tone to ITA {min(TONES):g}", *(f"{kind} added" for kind in ARTEFACTS)]
    rows = {(r.change, r.group): r for r in found.rows if r.world == world}
    lines = [f"| class | images | {' | '.join(chosen)} |", f"|---|---:|{'---|' * len(chosen)}"]
    for group in dict.fromkeys(r.group for r in found.rows if r.group != "all"):
        n = rows[chosen[-1], group].n
        lines.append(f"| {group} | {n} | {' | '.join(words(rows[c, group].shift, '+.2f') for c in chosen)} |")
    return lines


def picture() -> bytes:
    """One phantom lesion a row: as it starts, on each tone, and with each artefact."""
    tiles: list[list[np.ndarray]] = []
    for k, (code, seed) in enumerate(SHOWN.items()):
        rng = np.random.default_rng([seed, k])
        bare = sample(rng, code, melanin_for_ita(REFERENCE), site="back").without(*KINDS).replace(aperture=2.0)
        scenes = [bare, *(bare.replace(melanin=melanin_for_ita(t)) for t in TONES)]
        scenes += [bare.add(sample_visible(generator(1, code, kind), kind, bare.skin)) for kind in ARTEFACTS]
        tiles.append([scene.render(SIDE)[0] for scene in scenes])
    titles = [f"ITA {REFERENCE:g}", *(f"to {t:g}" for t in TONES), *(f"+ {kind}" for kind in ARTEFACTS)]
    gap, head = 4, 22
    sheet = Image.new("RGB", (len(titles) * (SIDE + gap) - gap, head + len(tiles) * (SIDE + gap) - gap), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for i, title in enumerate(titles):
        draw.text((i * (SIDE + gap) + SIDE / 2, head / 2), title, (40, 40, 44), font=font, anchor="mm")
        for k, row in enumerate(tiles):
            sheet.paste(Image.fromarray(row[i]), (i * (SIDE + gap), head + k * (SIDE + gap)))
    out = io.BytesIO()
    sheet.save(out, "JPEG", quality=82, optimize=True)
    return out.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--scenes", type=int, default=200)
    given = parser.parse_args()
    bundle = load_bundle(given.bundle)
    started, worked = time.perf_counter(), time.process_time()
    found = counterfactual(bundle, given.dataset, images=given.images, scenes=given.scenes, progress=track)
    taken, worked = time.perf_counter() - started, time.process_time() - worked
    seconds = {"seconds": round(taken, 1), "processor_seconds": round(worked, 1)}
    about = {"bundle": bundle.digest[:12]} | seconds | stamp("numpy", "opencv-python-headless")
    record("counterfactual", [flat(row) | about for row in found.rows])
    PICTURE.write_bytes(picture())
    parts = {
        name: lines
        for world in WORLDS
        for name, lines in (
            (f"{world.upper()}", by_change(found, world)),
            (f"{world.upper()} BY CLASS", by_class(found, world)),
        )
    }
    parts["NOTES"] = [f"- {note}" for note in found.notes]
    text = PAGE.read_text(encoding="utf-8")
    for name, lines in parts.items():
        before, _, rest = text.partition(f"<!-- {name} -->")
        _, _, after = rest.partition(f"<!-- /{name} -->")
        text = f"{before}<!-- {name} -->\n" + "\n".join(lines) + f"\n<!-- /{name} -->{after}"
    PAGE.write_text(text, encoding="utf-8")
    for verdict in found.verdicts:
        print(verdict.words)
    print(f"{taken:.0f} s, {worked:.0f} processor seconds")
    print(f"counterfactual ratio={2 * TARGET / worked:.2f}")


if __name__ == "__main__":
    main()
