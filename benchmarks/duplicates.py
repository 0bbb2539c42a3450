"""Near-duplicates among real images and altered copies of them: ours against imagededup (PHash and CNN).

    python benchmarks/duplicates.py --peer PYTHON [--n 20000] [--seed 0]

PYTHON is an interpreter that has imagededup (`uv venv peer; uv pip install --python peer/bin/python imagededup`): it
pins packages that Cutis doesn't share, so it lives apart. Half of the n images are real dermoscopy (HAM10000 and ISIC
2017), half are copies of them, one a real image at most: cropped to 65-95 % of the sides, turned by any angle, flipped
or turned upright, rescaled to 40-160 %, recompressed at quality 20-60, or with another contrast and white balance.

recall: of the copies, the share found together with their original. false_pairs: pairs that are neither a copy and its
original nor two images of one lesion; same_lesion_found: of the pairs of real photographs of one lesion (HAM10000's
lesion_id), how many were found, though neither way promises to. A peer's `ratio` is its time by the time of the
quickest of our ways with a recall as good. Without imagededup's pretrained weights its CNN runs untrained: its time is
measured, its recall is not, and the last line leaves it out and says so. Both read the same files from a warm cache.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance

from common import SHARED, record, stamp, table

Alter = Callable[[Image.Image, np.random.Generator], Image.Image]


def crop(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    share = rng.uniform(0.65, 0.95)
    width, height = (round(side * share) for side in image.size)
    x, y = rng.integers(0, image.width - width + 1), rng.integers(0, image.height - height + 1)
    return image.crop((x, y, x + width, y + height))


def turn(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return image.rotate(rng.uniform(5, 355), Image.Resampling.BICUBIC)


def flip(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return image.transpose(Image.Transpose(int(rng.integers(0, 7))))


def rescale(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    share = rng.uniform(0.4, 1.6)
    return image.resize((round(image.width * share), round(image.height * share)), Image.Resampling.BICUBIC)


def recompress(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=int(rng.integers(20, 60)))
    return Image.open(out).convert("RGB")


def recolour(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    shifted = np.asarray(image).astype(float) * rng.uniform(0.75, 1.25, 3) + rng.uniform(-20, 20, 3)
    return ImageEnhance.Contrast(Image.fromarray(shifted.clip(0, 255).astype(np.uint8))).enhance(rng.uniform(0.7, 1.3))


KINDS: dict[str, Alter] = {
    "crop": crop,
    "turn": turn,
    "flip": flip,
    "rescale": rescale,
    "recompress": recompress,
    "recolour": recolour,
}


def originals() -> list[tuple[str, bytes, str]]:
    """(id, JPEG bytes, lesion) of every real image, sorted by id; for ISIC 2017 its near-duplicate group."""
    with (SHARED / "ham10000" / "metadata.csv").open(newline="") as f:
        lesions = {row["image_id"]: row["lesion_id"] for row in csv.DictReader(f)}
    with zipfile.ZipFile(SHARED / "ham10000" / "images.zip") as archive:
        stems = {Path(name).stem: name for name in archive.namelist() if name.endswith(".jpg")}
        found = [(stem, archive.read(name), lesions[stem]) for stem, name in stems.items()]
    with (SHARED / "isic2017" / "metadata.csv").open(newline="") as f:
        rows = list(csv.DictReader(f))
    found += [(row["image_id"], (SHARED / "isic2017" / row["file"]).read_bytes(), row["group_id"]) for row in rows]
    return sorted(found)


def build(folder: Path, n: int, seed: int) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Write n images; returns copy -> original, copy -> kind, original -> lesion."""
    rng = np.random.default_rng(seed)
    everything = originals()
    chosen = sorted(rng.choice(len(everything), min(n // 2, len(everything)), replace=False))
    copied = rng.permutation(chosen)[: n - len(chosen)]
    for i in chosen:
        (folder / f"{everything[i][0]}.jpg").write_bytes(everything[i][1])
    of, kinds = {}, {}
    for k, i in enumerate(copied):
        name, kind = f"copy{k:06}", list(KINDS)[k % len(KINDS)]
        image = KINDS[kind](Image.open(io.BytesIO(everything[i][1])).convert("RGB"), rng)
        image.save(folder / f"{name}.jpg", quality=90)
        of[name], kinds[name] = everything[i][0], kind
    return of, kinds, {everything[i][0]: everything[i][2] for i in chosen}


def ours(folder: Path, way: str) -> tuple[float, list[tuple[str, str]]]:
    import polars as pl

    from cutis.data.dataset import Dataset, DatasetCard
    from cutis.data.near_duplicates import near_duplicates
    from cutis.schema.manifest import conform

    names = sorted(p.name for p in folder.iterdir())
    manifest = pl.DataFrame({"image_id": [Path(n).stem for n in names], "file": names})
    manifest = manifest.with_columns(status=pl.lit("ok"), target=pl.lit(None, pl.String))
    data = Dataset(folder, DatasetCard(name="benchmark", classes=()), conform(manifest, "benchmark"))
    started = time.monotonic()
    pairs = near_duplicates([data], by=way)
    return time.monotonic() - started, pairs.select("image_id", "other_id").rows()


def peer(python: str, folder: Path, method: str) -> dict[str, Any]:
    """Runs this file in the peer's interpreter; see `run_peer`."""
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "found.json"
        command = [python, __file__, "--run-peer", method, "--folder", str(folder), "--out", str(out)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found: dict[str, Any] = json.loads(out.read_text())
    return found


def run_peer(method: str, folder: Path, out: Path) -> None:
    """In the peer's interpreter: imagededup at its own thresholds, with a worker a core. Start-up isn't timed."""
    import os

    from imagededup.methods import CNN, PHash

    weights, threshold = "-", None
    if method == "phash":
        finder = PHash(verbose=False)
    else:
        weights = "pretrained"
        try:
            finder = CNN(verbose=False)
        except Exception:  # the weights are on a server that may be out of reach
            weights, finder, threshold = "none", untrained(), 0.999999
    started = time.monotonic()
    cores = os.cpu_count() or 1
    if threshold is None:
        found = finder.find_duplicates(image_dir=str(folder), num_enc_workers=cores)
    else:
        found = finder.find_duplicates(image_dir=str(folder), num_enc_workers=cores, min_similarity_threshold=threshold)
    seconds = time.monotonic() - started
    pairs = sorted({tuple(sorted((Path(a).stem, Path(b).stem))) for a, others in found.items() for b in others})
    from importlib.metadata import version

    out.write_text(
        json.dumps({"seconds": seconds, "pairs": pairs, "weights": weights, "version": version("imagededup")})
    )


def untrained() -> Any:
    """imagededup's CNN with the network it would load, but random weights."""
    from imagededup.methods import CNN
    from imagededup.utils import CustomModel
    from imagededup.utils.models import MobilenetV3
    from torch import nn
    from torchvision.models import mobilenet_v3_small

    network = mobilenet_v3_small(weights=None).eval()
    whole = nn.Sequential(network.features, network.avgpool, nn.Flatten())
    return CNN(verbose=False, model_config=CustomModel("untrained", whole, MobilenetV3.transform))


def judged(
    pairs: list[tuple[str, str]], of: dict[str, str], kinds: dict[str, str], lesion: dict[str, str]
) -> dict[str, Any]:
    """Recall overall and by kind, false pairs, and pairs of one lesion."""
    found = {frozenset(pair) for pair in pairs}
    hit = {copy: frozenset((copy, original)) in found for copy, original in of.items()}
    where = {image: lesion[of.get(image, image)] for image in [*of, *lesion]}
    false = sum(where[a] != where[b] for a, b in map(tuple, found))
    by_lesion: dict[str, list[str]] = {}
    for image, name in lesion.items():
        if name.startswith("HAM_"):
            by_lesion.setdefault(name, []).append(image)
    together = [frozenset(pair) for images in by_lesion.values() for pair in combinations(images, 2)]
    row: dict[str, Any] = {"recall": round(sum(hit.values()) / max(len(hit), 1), 4)}
    for kind in KINDS:
        mine = [hit[copy] for copy in of if kinds[copy] == kind]
        row[kind] = round(sum(mine) / max(len(mine), 1), 3)
    return row | {
        "pairs": len(found),
        "false_pairs": false,
        "precision": round(1 - false / max(len(found), 1), 4),
        "same_lesion_pairs": len(together),
        "same_lesion_found": sum(pair in found for pair in together),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peer", help="a Python interpreter that has imagededup")
    parser.add_argument("--run-peer", choices=["phash", "cnn"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run_peer:
        run_peer(given.run_peer, given.folder, given.out)
        return

    rows: list[dict[str, Any]] = []

    def keep(row: dict[str, Any]) -> None:
        """Written at once: the whole run takes many minutes."""
        rows.append({"n": given.n} | row)
        print(rows[-1], flush=True)
        record("duplicates", [rows[-1] | stamp("opencv-python-headless", "numpy")], key=("n", "who"))

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        of, kinds, lesion = build(folder, given.n, given.seed)
        for way in ("look", "hash"):
            seconds, pairs = ours(folder, way)
            keep({"who": f"cutis {way}", "seconds": round(seconds, 1)} | judged(pairs, of, kinds, lesion))
        mine = list(rows)
        for method in ("phash", "cnn") if given.peer else ():
            found = peer(given.peer, folder, method)
            row = {"who": f"imagededup {found['version']} {method}", "seconds": round(found["seconds"], 1)}
            if found["weights"] == "none":
                row["note"] = "no pretrained weights here: time only, against cutis look"
                fair = [r for r in mine if r["who"] == "cutis look"]
            else:
                row |= judged([tuple(p) for p in found["pairs"]], of, kinds, lesion)
                fair = [r for r in mine if r["recall"] >= row["recall"]]
            if fair:
                best = min(fair, key=lambda r: r["seconds"])
                row["ratio"], row["against"] = round(row["seconds"] / best["seconds"], 2), best["who"]
            keep(row)
    print(table(rows, list(dict.fromkeys(key for row in rows for key in row))))
    measured = [row["ratio"] for row in rows if "ratio" in row and "note" not in row]
    for row in rows:
        if "note" in row:
            print(f"{row['who']}: {row['note']}: ratio {row['ratio']}")
    print(f"duplicates ratio={min(measured):.2f}" if measured else "duplicates ratio=not measured (no --peer)")


if __name__ == "__main__":
    sys.exit(main())
