"""How well hairs, rulers, ink, dark corners, bubbles and stickers are found.

    python benchmarks/artefacts.py [--phantoms 200] [--out NAME]

Three kinds of truth:
  * by eye: tests/image/artefacts_by_eye.csv says what was seen in each of the 140 pictures of HAM10000's sample (an
    empty cell: could not tell; such pictures are left out). Thresholds were chosen on artefacts_by_eye_tuning.csv,
    60 others.
  * drawn: an artefact is drawn on each picture listed without it; recall on the drawn, false alarms on the plain.
  * phantom: what the phantom drew.
Rows go to results/artefacts.csv.
"""

from __future__ import annotations

import argparse
import csv
import math
import zipfile
from collections.abc import Callable

import cv2
import numpy as np

from common import ROOT, SHARED, record, stamp, table
from cutis.image.artefacts import DETECTORS
from cutis.image.decode import decode
from cutis.image.working import SIDE, Working
from cutis.phantom import sample
from cutis.phantom.optics.table import TONES

COLUMNS = {"hair": "hair", "ruler": "ruler", "ink": "ink", "dark_corner": "dark_corners", "bubbles": "bubbles"}


def by_eye(name: str) -> tuple[list[dict[str, str]], list[np.ndarray]]:
    """The rows of a list, and their pictures."""
    with (ROOT / "tests" / "image" / f"{name}.csv").open(newline="") as f:
        rows = list(csv.DictReader(f))
    with zipfile.ZipFile(SHARED / "ham10000" / "images.zip") as archive:
        return rows, [decode(archive.read(f"images/{r['image_id']}.jpg"), r["image_id"]) for r in rows]


def _covered(image: np.ndarray, cover: np.ndarray, colour: tuple[int, ...], strength: float) -> np.ndarray:
    """Paint `colour` where `cover`, drawn four times as large, says so."""
    alpha = cv2.resize(cover, image.shape[1::-1], interpolation=cv2.INTER_AREA)[..., None] / 255 * strength
    return np.clip(image + alpha * (np.array(colour) - image), 0, 255).astype(np.uint8)


def _canvas(image: np.ndarray) -> np.ndarray:
    return np.zeros((image.shape[0] * 4, image.shape[1] * 4), np.uint8)


def draw_hair(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    cover, (height, width) = _canvas(image), image.shape[:2]
    for _ in range(int(rng.integers(1, 6))):
        start, heading = rng.uniform(0.1, 0.9, 2) * (width * 4, height * 4), rng.uniform(0, 2 * np.pi)
        t = np.linspace(0, 1, 20)[:, None] * rng.uniform(0.2, 0.6) * width * 4
        bend = heading + t / t.max() * rng.normal(0, 0.5)
        points = start + np.cumsum(np.diff(t, axis=0, prepend=0) * np.hstack([np.cos(bend), np.sin(bend)]), axis=0)
        cv2.polylines(cover, [np.rint(points).astype(np.int32)], False, 255, int(rng.integers(3, 8)), cv2.LINE_AA)
    return _covered(image, cover, tuple(rng.integers(10, 70, 3).tolist()), 0.85)


def draw_ruler(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    cover, (height, width) = _canvas(image), image.shape[:2]
    gap, long, inset = rng.uniform(4, 22), rng.uniform(6, 14), rng.uniform(0, 12)
    tilt, ticks = rng.normal(0, 0.06), int(rng.integers(4, 30))
    upright, far = rng.random() < 0.5, rng.random() < 0.5
    for i in range(ticks):
        along = (i + 0.5) * gap
        ends = []
        for reach in (0.0, long):
            a, b = along + reach * tilt, inset + reach + along * tilt
            x, y = (b, a) if upright else (a, b)
            ends.append((round(4 * (width - x if far else x)), round(4 * (height - y if far else y))))
        cv2.line(cover, ends[0], ends[1], 255, int(rng.integers(3, 6)), cv2.LINE_AA)
    return _covered(image, cover, (25, 25, 25), float(rng.uniform(0.4, 0.9)))


def draw_ink(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    cover, (height, width) = _canvas(image), image.shape[:2]
    side = int(rng.integers(4))
    x = np.linspace(0, width * 4, 30) if side < 2 else np.full(30, width * 4 * (0.06 if side == 2 else 0.94))
    y = np.full(30, height * 4 * (0.06 if side == 0 else 0.94)) if side < 2 else np.linspace(0, height * 4, 30)
    wobble = rng.normal(0, 6, (30, 2))
    cv2.polylines(cover, [np.rint(np.stack([x, y], 1) + wobble).astype(np.int32)], False, 255, int(rng.integers(8, 30)))
    cover[rng.random((height, width)).repeat(4, 0).repeat(4, 1) < 0.25] = 0
    inks = ((60, 30, 140), (90, 50, 150), (30, 50, 150), (20, 90, 60))
    return _covered(image, cover, inks[int(rng.integers(4))], float(rng.uniform(0.45, 0.9)))


def draw_dark_corners(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = image.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    cx, cy = width * rng.uniform(0.45, 0.55), height * rng.uniform(0.45, 0.55)
    far = np.hypot(x - cx, y - cy) / (0.5 * math.hypot(width, height))
    inside = 1 / (1 + np.exp(((far - rng.uniform(0.75, 0.95)) / rng.uniform(0.005, 0.03)).clip(-40, 40)))
    return np.clip(image * (0.06 + 0.94 * inside[..., None]), 0, 255).astype(np.uint8)


def draw_bubbles(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    cover, (height, width) = _canvas(image), image.shape[:2]
    for _ in range(int(rng.integers(3, 12))):
        at, radius = (rng.uniform(0.08, 0.92, 2) * (width * 4, height * 4)).astype(int), int(rng.integers(14, 50))
        cv2.circle(cover, at.tolist(), radius, 200, 5, cv2.LINE_AA)
        cv2.circle(cover, (at - radius // 3).tolist(), max(4, radius // 5), 255, -1, cv2.LINE_AA)
    return _covered(image, cover, (250, 250, 250), 0.95)


def draw_patch(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    cover, (height, width) = _canvas(image), image.shape[:2]
    at = (rng.choice([0.0, 1.0]) * width * 4, rng.uniform(0.1, 0.9) * height * 4)
    cv2.circle(cover, (round(at[0]), round(at[1])), int(rng.uniform(0.2, 0.4) * width * 4), 255, -1, cv2.LINE_AA)
    colours = ((20, 140, 210), (90, 190, 180), (40, 150, 60), (235, 205, 20), (150, 120, 200))
    return _covered(image, cover, colours[int(rng.integers(5))], 1.0)


DRAWN: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "hair": draw_hair, "ruler": draw_ruler, "ink": draw_ink, "dark_corners": draw_dark_corners,
    "bubbles": draw_bubbles, "colour_patch": draw_patch,
}  # fmt: skip


def row(artefact: str, truth: str, there: list[bool], found: list[bool]) -> dict[str, object]:
    """Counts, precision and recall; empty where nothing was found, or nothing was there."""
    hit = sum(t and f for t, f in zip(there, found, strict=True))
    return {
        "artefact": artefact,
        "truth": truth,
        "n": len(there),
        "there": sum(there),
        "found": sum(found),
        "right": hit,
        "precision": f"{hit / sum(found):.2f}" if any(found) else "",
        "recall": f"{hit / sum(there):.2f}" if any(there) else "",
    }


def on_phantoms(count: int) -> list[dict[str, object]]:
    """Rows for phantoms of light tones (I..III) and of dark ones, on which dark hairs and ticks hardly show."""
    rng = np.random.default_rng(9)
    rows = []
    for words, tones in (("I-III", ("I", "II", "III")), ("IV-VI", ("IV", "V", "VI"))):
        told: dict[str, list[tuple[bool, bool]]] = {name: [] for name in DETECTORS}
        for i in range(count // 2):
            scene = sample(rng, melanin=TONES[tones[i % 3]])
            image, truth = scene.render(SIDE)
            there = {name: bool(np.any(truth.masks.get(name, False))) for name in ("hair", "ruler", "ink")}
            there["colour_patch"] = any(a.kind == "colour_patch" for a in scene.artefacts)
            there["dark_corners"] = scene.camera.aperture < 1.35  # beyond it the round field is outside the picture
            there["bubbles"] = scene.camera.bubbles > 0
            view = Working(image)
            for name, is_there in there.items():
                told[name].append((is_there, DETECTORS[name](view).present))
        rows += [row(n, f"phantom, tones {words}", [t for t, _ in b], [f for _, f in b]) for n, b in told.items()]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phantoms", type=int, default=200)
    parser.add_argument("--out", default="artefacts", help="name of the CSV in results/")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    rows: list[dict[str, object]] = []
    listed = {name: by_eye(name) for name in ("artefacts_by_eye", "artefacts_by_eye_tuning")}
    for name, (seen, images) in listed.items():
        for column, artefact in COLUMNS.items():
            told = [
                (r[column] == "1", DETECTORS[artefact](p).present)
                for r, p in zip(seen, images, strict=True)
                if r[column]
            ]
            truth = "by eye" if name == "artefacts_by_eye" else "by eye, tuning"
            rows.append(row(artefact, truth, [t for t, _ in told], [f for _, f in told]))
    for artefact, draw in DRAWN.items():
        rng = np.random.default_rng(len(artefact))
        column = next((c for c, a in COLUMNS.items() if a == artefact), None)
        pairs = [zip(seen, images, strict=True) for seen, images in listed.values()]
        plain = [p for both in pairs for r, p in both if column is None or r[column] == "0"]
        alone = [DETECTORS[artefact](p).present for p in plain]
        drawn = [DETECTORS[artefact](draw(p, rng)).present for p in plain]
        rows.append(row(artefact, "drawn", [False] * len(plain) + [True] * len(plain), alone + drawn))
    rows += on_phantoms(asked.phantoms)
    for each in rows:
        each.update(stamp("opencv-python-headless"))
    record(asked.out, rows)
    print(table(rows, ["artefact", "truth", "n", "there", "found", "right", "precision", "recall"]))


if __name__ == "__main__":
    main()
