"""How far ISIC 2017 is from HAM10000: docs/explanation/shift.md. Needs ../shared/data.

    python benchmarks/shift.py BUNDLE [--images 1000] [--seed 0]

By the bundle's embeddings, by the named features of `cutis.image.appearance` at 128 px, and by pixels at 64 px, on
random samples of both; "mel" and "nv" are the diagnoses that both have. Writes results/shift.csv, and ends with
`shift frechet_ratio=<named features, ISIC 2017 over HAM10000's other half>`.
"""

from __future__ import annotations

import argparse
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import polars as pl

from common import SHARED, record, stamp, table
from cutis.audit.sources import Source, source_shift
from cutis.bundle.load import load_bundle
from cutis.bundle.ood.knn import normalise_rows
from cutis.bundle.predict import Bundle
from cutis.image.appearance import appearance
from cutis.image.decode import decode, read_square

LARGE, SMALL = 128, 64
NAMES = {"melanoma": "mel", "nevus": "nv", "mel": "mel", "nv": "nv"}


def reader(folder: Path) -> Callable[[str], bytes]:
    """From a name in metadata.csv to the file's bytes, packed or not."""
    if not (folder / "images.zip").is_file():
        return lambda name: (folder / name).read_bytes()
    packed = {what: zipfile.ZipFile(folder / f"{what}.zip") for what in ("images", "masks")}
    held = {what: {Path(n).name: n for n in archive.namelist()} for what, archive in packed.items()}

    def read(name: str) -> bytes:
        what = name.partition("/")[0]
        return packed[what].read(held[what][Path(name).name])

    return read


def sources(bundle: Bundle, folder: Path, unit: str, images: int, seed: int) -> tuple[Source, Source]:
    """Of a random sample: by embeddings, with pixels; and by named features, of the images that have them."""
    rows = pl.read_csv(folder / "metadata.csv", infer_schema_length=None)
    rows = rows.sample(min(images, len(rows)), seed=seed).sort("image_id")
    read, preprocessing = reader(folder), bundle.card.preprocessing
    squares, small, named = [], [], []
    for file, mask in rows.select("file", "mask").iter_rows():
        content = read(file)
        squares.append(read_square(content, preprocessing.size, constancy=preprocessing.constancy))
        picture = decode(content, file)
        small.append(cv2.resize(picture, (SMALL, SMALL), interpolation=cv2.INTER_AREA))
        truth = cv2.imdecode(np.frombuffer(read(mask), np.uint8), cv2.IMREAD_GRAYSCALE)
        size = {"dsize": (LARGE, LARGE), "interpolation": cv2.INTER_AREA}
        named.append(appearance(cv2.resize(picture, **size), cv2.resize(truth, **size) > 127))
    labels, units = [NAMES.get(d) for d in rows["diagnosis"]], rows[unit].to_list()
    features = normalise_rows(bundle.run(np.stack(squares))[1])
    kept = [i for i, found in enumerate(named) if found is not None]
    return (
        Source(folder.name, features, labels, units, np.stack(small)),
        Source(folder.name, np.stack([named[i] for i in kept]), [labels[i] for i in kept], [units[i] for i in kept]),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    bundle = load_bundle(given.bundle)
    ham = sources(bundle, SHARED / "ham10000", "lesion_id", given.images, given.seed)
    isic = sources(bundle, SHARED / "isic2017", "group_id", given.images, given.seed)
    rng = np.random.default_rng(given.seed)
    found = [
        *source_shift(ham[0], isic[0], what="embedding", rng=rng),
        *source_shift(ham[1], isic[1], what="named features", rng=rng, scale=True),
    ]
    rows = [{**row.model_dump(), "seed": given.seed, **stamp("numpy", "scipy")} for row in found]
    print(table(record("shift", rows), ["name", "against", "value", "n_a", "n_b", "words"]))
    value = {(row.name, row.against): row.value for row in found}
    name = "Fréchet distance, named features"
    print(f"shift frechet_ratio={value[name, 'isic2017'] / value[name, 'ham10000, its other half']:.1f}")


if __name__ == "__main__":
    main()
