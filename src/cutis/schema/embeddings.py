"""The embeddings table: image_id and one vector an image, all of one length."""

from __future__ import annotations

import numpy as np
import polars as pl

from cutis.errors import CutisError
from cutis.schema.identity import check_identity


def embeddings_table(image_ids: list[str], vectors: np.ndarray) -> pl.DataFrame:
    """Typed table (image_id: String, vector: Array(Float32, d)) from n ids and an (n, d) array.

    Raises CutisError if the counts differ, an id repeats or a value is not finite.
    """
    vectors = np.asarray(vectors, np.float32)
    if vectors.ndim != 2 or len(vectors) != len(image_ids):
        raise CutisError(
            f"embeddings: {len(image_ids)} image ids but vectors of shape {vectors.shape}; expected (n, d)."
        )
    bad = ~np.isfinite(vectors).all(1)
    if bad.any():
        raise CutisError(f'embeddings: the vector of image "{image_ids[int(bad.argmax())]}" is not finite.')
    table = pl.DataFrame(
        {"image_id": image_ids, "vector": vectors},
        schema={"image_id": pl.String(), "vector": pl.Array(pl.Float32(), vectors.shape[1])},
    )
    check_identity(table, "embeddings")
    return table
