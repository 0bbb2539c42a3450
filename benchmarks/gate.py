"""A bundle's gate, end to end through `predict`: good pictures refused, bad ones and not-skin caught, and its cost.

    python benchmarks/gate.py BUNDLE DATASET [--n 250] [--repeats 5]

DATASET: HAM10000 as imported and split. A bundle without a gate gets one first, from the validation part (`cutis
calibrate`). The good are the whole test part; the faults are made of `n` of its images (quality_data.FAULTS) and saved
as JPEG (quality 95); what isn't skin is saved as PNG. Speed: `n` test images with and without the gate, in turn. The
rows go to results/gate.csv; the last lines are `gate good=X %` and `gate cost ratio=<seconds with / without>`.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl

from common import record, stamp, table
from cutis.bundle.fit import Choice
from cutis.bundle.load import load_bundle
from cutis.bundle.predict import Bundle
from cutis.bundle.recalibrate import recalibrate
from cutis.data.dataset import Dataset
from cutis.data.split import load_split
from cutis.image.decode import decode, read_bytes
from cutis.image.quality import MEASURES
from cutis.image.working import Working
from quality_data import FAULTS, HELD_OUT, NOT_SKIN, not_skin

CODES = list(
    dict.fromkeys(s.code for s in (m(Working(np.zeros((9, 9, 3), np.uint8))) for m in MEASURES.values()) if s.code)
)


def judged(name: str, kind: str, rows: pl.DataFrame) -> dict[str, Any]:
    """How many of these predictions the gate refused, and for what (shares; a picture may have several reasons)."""
    said = rows["reason"].fill_null("").str.split("; ").list.eval(pl.element().str.split(":").list.first())
    by = {code: said.list.contains(code) for code in CODES}
    refused = pl.DataFrame(by).select(pl.any_horizontal(pl.all())).to_series()
    return {"images": name, "kind": kind, "n": len(rows), "refused": f"{refused.mean():.4f}"} | {
        code: f"{found.mean():.4f}" for code, found in by.items()
    }


def saved(pictures: Iterable[np.ndarray], folder: Path, suffix: str) -> Path:
    folder.mkdir()
    for i, pixels in enumerate(pictures):
        given = [cv2.IMWRITE_JPEG_QUALITY, 95] if suffix == "jpg" else []
        cv2.imwrite(str(folder / f"{i:04}.{suffix}"), np.ascontiguousarray(pixels[..., ::-1]), given)
    return folder


def cost(bundle: Bundle, files: list[Path], repeats: int) -> tuple[float, float]:
    """Median seconds of predict (with the gate, without)."""
    taken: dict[bool, list[float]] = {True: [], False: []}
    bundle.predict(files, progress=False)
    for _ in range(repeats):
        for gate in (True, False):
            began = time.perf_counter()
            bundle.predict(files, gate=gate, progress=False)
            taken[gate].append(time.perf_counter() - began)
    return statistics.median(taken[True]), statistics.median(taken[False])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("bundle", type=Path)
    arguments.add_argument("dataset", type=Path)
    arguments.add_argument("--n", type=int, default=250)
    arguments.add_argument("--repeats", type=int, default=5)
    given = arguments.parse_args()
    dataset = Dataset.load(given.dataset)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        bundle = load_bundle(given.bundle)
        if bundle.card.gate is None:
            bundle = load_bundle(recalibrate(given.bundle, dataset, work / "bundle", Choice()))
        gate = bundle.card.gate
        assert gate is not None
        print(f"fitted on {gate.images:,} validation images, of which {gate.refused:.2%} are refused")
        print({name: (round(t.value, 3), t.source) for name, t in gate.thresholds.items()})

        parts = load_split(dataset).table.filter(part="test").select("image_id")
        test = dataset.usable().join(parts, on="image_id").sort("image_id")
        rows = [judged("HAM10000 test", "good", bundle.predict(dataset, part="test").table)]
        files = [dataset.path / f for f in test["file"].sample(min(given.n, len(test)), seed=1).to_list()]
        clean = [decode(read_bytes(f), f.name) for f in files]
        for k, (name, (code, spoil)) in enumerate(FAULTS.items()):
            folder = saved((spoil(p) for p in clean), work / f"fault{k}", "jpg")
            rows.append(judged(name, f"fault: {code or 'advice only'}", bundle.predict(folder, progress=False).table))
        for name in (*NOT_SKIN, *HELD_OUT):
            folder = saved(islice(not_skin(name, "test", given.n), given.n), work / name, "png")
            rows.append(judged(name, "not skin", bundle.predict(folder, progress=False).table))
        for name, shade in (("black", 0), ("white", 255)):
            folder = saved([np.full((150, 200, 3), shade, np.uint8)], work / name, "png")
            rows.append(judged(name, "not skin", bundle.predict(folder, progress=False).table))
        gated, plain = cost(bundle, files, given.repeats)
    speed = {"images": f"{len(files)} of HAM10000 test, 200x150", "kind": "speed", "n": len(files)}
    rows += [
        speed | {"predict": "with gate", "images_per_s": round(len(files) / gated, 1)},
        speed | {"predict": "without", "images_per_s": round(len(files) / plain, 1)},
    ]
    record("gate", [row | stamp("opencv-python-headless") for row in rows])
    print(table(rows, list(dict.fromkeys(key for row in rows for key in row))))
    print(f"gate good={float(rows[0]['refused']):.2%}")
    print(f"gate cost ratio={gated / plain:.2f}")


if __name__ == "__main__":
    main()
