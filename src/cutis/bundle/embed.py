"""A bundle's features as an embeddings table: what a search for similar images reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cutis.bundle.ood.knn import normalise_rows
from cutis.bundle.predict import Bundle
from cutis.bundle.stream import BATCH, stream
from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.progress import Progress, silent
from cutis.schema.embeddings import embeddings_table


def embed(bundle: Bundle, dataset: Dataset | Path | str, *, progress: Progress[Any] = silent) -> pl.DataFrame:
    """image_id and the penultimate features (float32, length one) of each usable image, by image_id.

    Raises CutisError naming the first image that can't be read.
    """
    data = dataset if isinstance(dataset, Dataset) else Dataset.load(dataset)
    rows = data.usable().sort("image_id")
    paths = [data.path / file for file in rows["file"]]
    found = []
    for chunk in progress(stream(paths, bundle.runtime, bundle.card.preprocessing), -(-len(paths) // BATCH), "embed"):
        for at, reason in chunk.reasons.items():
            raise CutisError(f"{paths[chunk.start + at]}: {reason}. Import the dataset again.")
        found.append(chunk.features)
    vectors = normalise_rows(np.concatenate(found)) if found else np.zeros((0, 1), np.float32)
    return embeddings_table(rows["image_id"].to_list(), vectors)
