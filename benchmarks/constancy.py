"""What colour constancy does to skin tone estimates and to accuracy: docs/explanation/quality.md.

    python benchmarks/constancy.py [--images 150] [--epochs 10] [--seeds 0]    # the accuracy part needs ../shared/data

Tone: photographs (phantoms, whose true ITA is known, and HAM10000) are seen under lights of several temperatures, each
constancy is applied, and the ITA of the plain skin is measured (Kinyanjui's estimator, by mask, which refuses nothing).
Accuracy: one network a constancy (none, grey-world...) and seed is trained on HAM10000 for --epochs and tested on its
test part as it is and under the same lights. Columns of benchmarks/results/constancy.csv: `world` is phantom, ham10000
or test part; `error` is the mean of |ITA - truth|, `moved` that of |ITA - ITA of the picture as it is|, `spread` the
standard deviation over pictures (grey-world makes all skins alike), `rank` Spearman's correlation with the truth. The
last line: `constancy moved=<at 4000 K on HAM10000, none> over=<the least of the others>`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.metrics import balanced_accuracy_score

import cutis.phantom
from common import SHARED, record, stamp, table
from cutis.bundle.load import load_bundle
from cutis.data.dataset import Dataset
from cutis.data.importing import import_dataset
from cutis.image.constancy import CONSTANCY
from cutis.image.corruptions.light import DAYLIGHT, colour_temperature
from cutis.image.decode import decode, read_bytes, read_picture
from cutis.image.tone import estimate_tone
from cutis.train.run import find_split, train

LIGHTS = (3400.0, 4000.0, DAYLIGHT, 10000.0)  # K
METHOD = "kinyanjui2019"
SIZE = 256
KEY = ("world", "constancy", "kelvin", "seed")
WAYS = {"none": lambda image: image, **CONSTANCY}


def under(image: np.ndarray, kelvin: float) -> np.ndarray:
    return image if kelvin == DAYLIGHT else colour_temperature(image, kelvin)


def phantoms(n: int) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Image, lesion mask and true ITA."""
    for seed in range(n):
        image, truth = cutis.phantom.sample(np.random.default_rng(seed)).render(SIZE)
        yield image, truth.masks["lesion"], truth.ita


def photographs(data: Dataset, n: int) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    rows = data.usable().filter(data.usable()["mask"].is_not_null()).sample(n, seed=0)
    for file, mask in rows.select("file", "mask").iter_rows():
        image, outline = (decode(read_bytes(data.path / name), name) for name in (file, mask))
        yield image, outline[..., 0] > 127, float("nan")


def ita(image: np.ndarray, mask: np.ndarray) -> float:
    found = estimate_tone(image, mask, METHOD, resamples=2).ita
    return float("nan") if found is None else found


def tone(world: str, pictures: Iterator[tuple[np.ndarray, np.ndarray, float]]) -> list[dict[str, Any]]:
    held = list(pictures)
    truth = np.array([t for *_, t in held])
    plain = np.array([ita(image, mask) for image, mask, _ in held])
    rows = []
    for name, way in WAYS.items():
        for kelvin in LIGHTS:
            found = np.array([ita(way(under(image, kelvin)), mask) for image, mask, _ in held])
            fine = np.isfinite(found) & np.isfinite(plain)
            known = np.isfinite(truth).all()
            rows.append(
                {
                    "world": world,
                    "constancy": name,
                    "kelvin": round(kelvin),
                    "seed": "",
                    "n": int(fine.sum()),
                    "error": round(float(np.abs(found - truth)[fine].mean()), 1) if known else "",
                    "moved": round(float(np.abs(found - plain)[fine].mean()), 1),
                    "spread": round(float(found[fine].std(ddof=1)), 1),
                    "rank": round(float(spearmanr(found[fine], truth[fine]).statistic), 2) if known else "",
                }
            )
    return rows


def accuracy(data: Dataset, work: Path, name: str, seed: int, epochs: int) -> list[dict[str, Any]]:
    bundle = load_bundle(train(data, work / f"{name}{seed}", constancy=name, seed=seed, epochs=epochs))
    rows = data.usable().filter(data.usable()["image_id"].is_in(find_split(data).ids("test")))
    pictures = [read_picture(data.path / file, bundle.size) for file in rows["file"]]
    truth = rows["target"].to_list()
    found = []
    for kelvin in LIGHTS:
        seen = [replace(picture, pixels=under(picture.pixels, kelvin)) for picture in pictures]
        said = [bundle.codes[k] for k in bundle.answer(seen).argmax(1)]
        score = round(float(balanced_accuracy_score(truth, said)), 4)
        row = {"world": "test part", "constancy": name, "kelvin": round(kelvin), "seed": seed, "n": len(truth)}
        found.append({**row, "balanced_accuracy": score, "epochs": epochs})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=150)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    given = parser.parse_args()
    columns = [*KEY, "n", "error", "moved", "spread", "rank", "balanced_accuracy", "epochs"]

    def keep(rows: list[dict[str, Any]]) -> None:
        full = [{**dict.fromkeys(columns, ""), **row, **stamp("torch", "scikit-learn")} for row in rows]
        record("constancy", full, key=KEY)
        print(table(full, columns), flush=True)

    keep(tone("phantom", phantoms(given.images)))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        data = import_dataset(SHARED / "ham10000", work / "ham")
        find_split(data)
        real = tone("ham10000", photographs(data, given.images))
        keep(real)
        for seed in given.seeds:
            for name in WAYS:
                keep(accuracy(data, work, name, seed, given.epochs))
    moved = {r["constancy"]: r["moved"] for r in real if r["kelvin"] == 4000}
    print(f"constancy moved={moved.pop('none')} over={min(moved.values())}")


if __name__ == "__main__":
    main()
