"""Artefact detectors that have only seen the phantom, on real dermoscopy.

    python benchmarks/phantom_artefacts.py [--minutes 5] [--images 5000] [--seed 0] [--pictures sheet.jpg]

One small U-Net learns the phantom's masks of hair, ruler and dark corner at 128 x 128 pixels. On HAM10000's 140 sample
pictures, listed by eye in tests/image/artefacts_by_eye.csv, an artefact counts as found where its mask covers more
than a share of the picture that is set on held-out phantom pictures (best balanced accuracy there). Writes precision
and recall beside our hand-made detectors' (`cutis.image.artefacts`), and with --pictures a sheet of 30 pictures with
what was found. HAM10000 is CC BY-NC: keep the sheet private.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path

import cv2
import numpy as np

from common import ROOT, SHARED, record, stamp, table
from phantom_realism import SIZE, answer_many, train

KINDS = {"hair": "hair", "ruler": "ruler", "dark_corner": "dark_corners"}  # and what cutis.image.artefacts calls it
COLUMNS = ["detector", "kind", "pictures", "shown", "precision", "recall"]


def drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Phantom pictures and their masks, (n, kinds, size, size) bool."""
    from cutis.phantom.dataset import make_dataset

    with tempfile.TemporaryDirectory() as folder:
        made = make_dataset(Path(folder) / "phantom", n, size=SIZE, seed=seed, tone="ita:58..10", truth=True)
        images, masks = [], []
        for row in made.manifest.iter_rows(named=True):
            images.append(cv2.cvtColor(cv2.imread(str(made.path / row["file"])), cv2.COLOR_BGR2RGB))
            files = [made.path / "masks" / kind / f"{row['image_id']}.png" for kind in KINDS]
            empty = np.zeros((SIZE, SIZE), bool)
            masks.append(np.stack([cv2.imread(str(f), 0) > 0 if f.is_file() else empty for f in files]))
    return np.stack(images), np.stack(masks)


def real() -> tuple[list[str], np.ndarray, np.ndarray]:
    """The sample pictures, and what is listed by eye: (n, kinds) bool."""
    with (ROOT / "tests" / "image" / "artefacts_by_eye.csv").open() as file:
        listed = {row["image_id"]: [row[kind] == "1" for kind in KINDS] for row in csv.DictReader(file)}
    files = [p for p in sorted((SHARED / "ham10000" / "sample").rglob("*.jpg")) if p.stem in listed]
    images = [cv2.cvtColor(cv2.imread(str(p)), cv2.COLOR_BGR2RGB) for p in files]
    return [p.stem for p in files], images, np.array([listed[p.stem] for p in files])


def scored(detector: str, kind: str, found: np.ndarray, truth: np.ndarray) -> dict[str, object]:
    right = int((found & truth).sum())
    return {
        "detector": detector,
        "kind": kind,
        "pictures": len(truth),
        "shown": int(truth.sum()),
        "precision": round(right / max(int(found.sum()), 1), 3),
        "recall": round(right / max(int(truth.sum()), 1), 3),
    }


def threshold(share: np.ndarray, truth: np.ndarray) -> float:
    """The share of the picture that parts pictures with from those without best, by balanced accuracy."""
    choices = np.unique(np.quantile(share, np.linspace(0, 1, 200)))
    good = [(share[truth] > c).mean() + (share[~truth] <= c).mean() for c in choices]
    return float(choices[int(np.argmax(good))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    from cutis.image.assess import assess

    images, masks = drawn(arguments.images, arguments.seed)
    held = max(100, len(images) // 10)
    net, passes = train(images[held:], masks[held:], arguments.minutes, arguments.seed)
    print(f"trained for {passes:.1f} passes over {len(images) - held:,} phantom pictures", flush=True)
    names, pictures, truth = real()
    small = np.stack([cv2.resize(p, (SIZE, SIZE), interpolation=cv2.INTER_AREA) for p in pictures])
    seen, checked = answer_many(net, small), answer_many(net, images[:held])
    rows = []
    for k, kind in enumerate(KINDS):
        line = threshold(checked[:, k].mean((1, 2)), masks[:held, k].any((1, 2)))
        rows.append(scored("U-Net on phantom alone", kind, seen[:, k].mean((1, 2)) > line, truth[:, k]))
    ours = [assess(picture) for picture in pictures]
    for k, kind in enumerate(KINDS):
        found = np.array([a.artefacts[KINDS[kind]].present for a in ours])
        rows.append(scored("cutis.image.artefacts", kind, found, truth[:, k]))
    rows = [row | stamp("torch", "segmentation-models-pytorch") for row in rows]
    print(table(record("phantom_artefacts", rows), COLUMNS))
    if arguments.pictures:
        tints = np.array([(255, 40, 40), (40, 220, 60), (60, 120, 255)], np.float32)
        chosen = np.random.default_rng(0).permutation(len(names))[:30]
        tiles = []
        for i in chosen:
            tile = small[i].astype(np.float32)
            for k in range(len(KINDS)):
                tile[seen[i, k]] = 0.45 * tile[seen[i, k]] + 0.55 * tints[k]
            tiles.append(np.hstack([small[i], tile.astype(np.uint8)]))
        sheet = np.vstack([np.hstack(tiles[r : r + 5]) for r in range(0, 30, 5)])
        cv2.imwrite(str(arguments.pictures), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
