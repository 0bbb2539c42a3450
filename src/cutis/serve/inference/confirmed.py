"""The confirmed cases of a dataset as a table to search: image_id, vector, hash.

It is built once for a bundle and a dataset, by a process of its own that gives way to everything else on the machine:
`python -m cutis.serve.inference.confirmed BUNDLE DATASET OUT RUNTIME` prints "done total" as it goes.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import cv2
import numpy as np
import polars as pl

from cutis.bundle.load import load_bundle
from cutis.bundle.ood.knn import normalise_rows
from cutis.bundle.predict import Bundle
from cutis.bundle.stream import stream
from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.files import sha256_text, write_parquet
from cutis.image import hashing
from cutis.image.decode import VERSION
from cutis.progress import Progress, silent
from cutis.schema.embeddings import embeddings_table
from cutis.serve.intake.small import squeezed

_FORMAT = 1
_ASIDE = 10  # niceness


def file_name(bundle_digest: str, dataset_digest: str) -> str:
    """Changes with the bundle, the dataset, the decoder and this table's own form, so it is never out of date."""
    return f"similar-{sha256_text(f'{_FORMAT} {VERSION} {bundle_digest} {dataset_digest}')[:32]}.parquet"


def confirmed_rows(data: Dataset) -> pl.DataFrame:
    """Rows of the manifest with a readable image and a label, by image_id."""
    return data.usable().filter(pl.col("target").is_not_null()).sort("image_id")


def build(bundle: Bundle, data: Dataset, *, progress: Progress[Any] = silent) -> pl.DataFrame:
    """image_id, vector (features of length one) and hash (the first of `cutis.serve.intake.small.near_hash`) of each
    confirmed row that can be read."""
    rows = confirmed_rows(data)
    ids, paths = rows["image_id"].to_list(), [data.path / file for file in rows["file"]]
    kept: list[str] = []
    vectors, small = [np.zeros((0, 1), np.float32)], [np.zeros((0, hashing.SIZE, hashing.SIZE), np.uint8)]
    chunks = stream(paths, bundle.runtime, bundle.card.preprocessing, look=_small)

    def take(chunk: Any) -> range:
        read = [i for i in range(len(chunk.features)) if i not in chunk.reasons]
        kept.extend(ids[chunk.start + i] for i in read)
        vectors.append(normalise_rows(chunk.features[read]))
        small.extend(chunk.looks[i][None] for i in read)
        return range(len(chunk.features))

    for _ in progress((i for chunk in chunks for i in take(chunk)), len(paths), "similar"):
        pass
    found = np.concatenate(vectors[1:] or vectors)
    hashes = pl.Series("hash", hashing.phash(np.concatenate(small)), pl.UInt64)
    return embeddings_table(kept, found).with_columns(hashes)


def _small(pixels: np.ndarray) -> np.ndarray:
    return squeezed(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))


def main(bundle: str, dataset: str, out: str, runtime: str) -> None:
    def told(items: Any, total: int, label: str) -> Any:
        for i, item in enumerate(items):
            if i % 64 == 0:
                sys.stdout.write(f"{i} {total}\n")
                sys.stdout.flush()
            yield item

    if hasattr(os, "nice"):
        os.nice(_ASIDE)
    os.umask(0o077)  # the table lies in the workbench's folder, as everything there its owner's only
    table = build(load_bundle(bundle, runtime=runtime), Dataset.load(dataset), progress=told)
    write_parquet(out, table)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except CutisError as error:
        sys.exit(str(error))
    except BrokenPipeError:  # the server has stopped
        sys.exit(1)
