"""MedMNIST-C's fifteen dermoscopy corruptions in five severities: ours against the package medmnistc.

    python benchmarks/corrupt.py --peer PYTHON [--n 500] [--seed 0]

PYTHON is an interpreter that has medmnistc (`uv venv peer; uv pip install --python peer/bin/python medmnistc`, and
ImageMagick's library for its motion blur): it pins packages that Cutis doesn't share, so it lives apart. Both corrupt
the same n photographs of HAM10000, scaled to 224 px and held in memory, in one process each; start-up, reading and
writing aren't counted, and both run each corruption and
severity once before the clock starts. As PYTHON's NumPy may be newer than
medmnistc 0.1.0 knows, `numpy.fromstring`, which it calls, is given back to it.

max_difference: over all pixels of all n images and five severities, in levels of 255, of the corruptions that draw
nothing, and of motion_blur with its angle (its only random number) set to the same list of angles in both; unequal is
the share of values that differ. Of the others the largest difference of the mean and of the standard deviation of all
values is given instead (mean_off, deviation_off, in levels): they are equal in distribution, which the tests hold. The
last line is medmnistc's whole time by ours.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from common import SHARED, record, stamp, table

NAMES = (
    "pixelate", "jpeg_compression", "gaussian_noise", "speckle_noise", "impulse_noise", "shot_noise", "defocus_blur",
    "motion_blur", "zoom_blur", "brightness_up", "brightness_down", "contrast_up", "contrast_down", "black_corner",
    "characters",
)  # fmt: skip
RANDOM = ("gaussian_noise", "speckle_noise", "impulse_noise", "shot_noise", "characters")
SIDE = 224
LOT = 50

Run = Callable[[str, int, int], np.ndarray]  # (corruption, severity 1..5, number of the image) -> the changed image


def photographs(n: int, seed: int) -> np.ndarray:
    """(n, 224, 224, 3) uint8 of HAM10000, drawn by `seed`."""
    from PIL import Image

    with zipfile.ZipFile(SHARED / "ham10000" / "images.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        chosen = np.random.default_rng(seed).permutation(len(names))[:n]
        opened = (Image.open(io.BytesIO(archive.read(names[i]))).convert("RGB") for i in chosen)
        return np.stack([np.asarray(one.resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for one in opened])


def angles(n: int) -> np.ndarray:
    """(n,) degrees: motion_blur's, one an image, in both."""
    return np.random.default_rng(99).uniform(-45, 45, n)


def measured(run: Run, n: int, folder: Path) -> dict[str, float]:
    """Seconds of each corruption; its images go to `folder`, a file a severity, off the clock."""
    seconds = {}
    for name in NAMES:
        for severity in range(1, 6):
            run(name, severity, 0)
        seconds[name] = 0.0
        for severity in range(1, 6):
            began = time.perf_counter()
            made = [run(name, severity, i) for i in range(n)]
            seconds[name] += time.perf_counter() - began
            np.save(folder / f"{name}_{severity}.npy", np.stack(made))
    return seconds


def ours(images: np.ndarray) -> Run:
    from cutis.image.corruptions import CORRUPTIONS, blur, generator

    turns = angles(len(images)).tolist()

    def run(name: str, severity: int, i: int) -> np.ndarray:
        if name == "motion_blur":
            return blur.motion_blur(images[i], *CORRUPTIONS[name].values[severity - 1], turns[i])
        return CORRUPTIONS[name].apply(images[i], severity, generator(0, str(i), name))

    return run


def theirs(images: np.ndarray) -> Run:
    np.fromstring = np.frombuffer
    from medmnistc.corruptions.registry import CORRUPTIONS_DS
    from PIL import Image

    makers = CORRUPTIONS_DS["dermamnist"]
    makers["impulse_noise"].rng = np.random.default_rng(0)
    turns, drawn = angles(len(images)).tolist(), np.random.uniform

    def run(name: str, severity: int, i: int) -> np.ndarray:
        np.random.uniform = (lambda low, high: turns[i]) if name == "motion_blur" else drawn
        return makers[name].apply(Image.fromarray(images[i]), severity - 1)

    return run


def worker(who: str, folder: Path) -> None:
    """One side, in a process of its own: images.npy in `folder` -> its images and seconds.json in folder/who."""
    images = np.load(folder / "images.npy")
    (folder / who).mkdir()
    seconds = measured((ours if who == "cutis" else theirs)(images), len(images), folder / who)
    (folder / who / "seconds.json").write_text(json.dumps(seconds))


def compared(folder: Path, name: str) -> dict[str, float]:
    """Of one lot: the largest difference and the share of unequal values, or how far mean and deviation are apart."""
    found = dict.fromkeys(("mean_off", "deviation_off") if name in RANDOM else ("max_difference", "unequal"), 0.0)
    for severity in range(1, 6):
        mine, other = (np.load(folder / who / f"{name}_{severity}.npy") for who in ("cutis", "medmnistc"))
        if name in RANDOM:
            found["mean_off"] = max(found["mean_off"], abs(float(mine.mean() - other.mean())))
            found["deviation_off"] = max(found["deviation_off"], abs(float(mine.std() - other.std())))
        else:
            apart = np.abs(mine.astype(np.int16) - other)
            found["max_difference"] = max(found["max_difference"], int(apart.max()))
            found["unequal"] += float((apart > 0).mean()) / 5
    return found


def lot(images: np.ndarray, peer: str) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Seconds by side and corruption, and what `compared` finds by corruption."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        np.save(folder / "images.npy", images)
        seconds = {}
        for who, python in (("cutis", sys.executable), ("medmnistc", peer)):
            subprocess.run([python, __file__, "--worker", who, "--folder", str(folder)], check=True)
            seconds[who] = json.loads((folder / who / "seconds.json").read_text())
        return seconds, {name: compared(folder, name) for name in NAMES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peer", help="a Python interpreter that has medmnistc")
    parser.add_argument("--worker", choices=["cutis", "medmnistc"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        worker(given.worker, given.folder)
        return
    if not given.peer:
        parser.error("name an interpreter that has medmnistc: --peer PYTHON")

    images = photographs(given.n, given.seed)
    spent = {who: dict.fromkeys(NAMES, 0.0) for who in ("cutis", "medmnistc")}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in NAMES}
    for start in range(0, given.n, LOT):  # 75 images are made of each, and kept until they are compared
        seconds, lots = lot(images[start : start + LOT], given.peer)
        for name in NAMES:
            found[name].append(lots[name])
            for who in spent:
                spent[who][name] += seconds[who][name]
        print(f"{min(start + LOT, given.n)} images", flush=True)
    rows: list[dict[str, Any]] = []
    for name in (*NAMES, "all"):
        mine, other = (sum(s.values()) if name == "all" else s[name] for s in spent.values())
        row = {
            "n": given.n,
            "corruption": name,
            "cutis_ms": f"{1e3 * mine / given.n / 5:.2f}",
            "medmnistc_ms": f"{1e3 * other / given.n / 5:.2f}",
            "ratio": f"{other / mine:.2f}",
            **dict.fromkeys(("max_difference", "unequal", "mean_off", "deviation_off"), ""),
        }
        for kind in found[name][0] if name in found else ():
            values = [one[kind] for one in found[name]]
            row[kind] = f"{np.mean(values) if kind == 'unequal' else max(values):.3g}"
        rows.append(row)
    print("milliseconds an image and severity (of all: the sum of the fifteen)")
    print(table(rows, list(dict.fromkeys(k for row in rows for k in row))))
    record("corrupt", [row | stamp("numpy", "opencv-python-headless", "pillow", "scipy") for row in rows])
    print(f"corrupt ratio={rows[-1]['ratio']}")


if __name__ == "__main__":
    main()
