"""What every distance is given: one row an image, checked; and which rows lie next to which."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cutis.errors import CutisError
from cutis.evaluate.arrays import Floats, Ints

_CHUNK = 256  # rows whose distances to all others are held at once


def check_rows(values: ArrayLike, what: str, least: int) -> Floats:
    """(n, d) float64 of `values`. Raises CutisError, naming `what`, if they aren't finite, or n is below `least`."""
    rows: NDArray[Any] = np.asarray(values)
    if rows.ndim != 2 or rows.shape[1] == 0 or not (np.issubdtype(rows.dtype, np.number) or rows.dtype == bool):
        raise CutisError(f"{what} is {rows.dtype} of shape {rows.shape}; expected numbers (n, d), one row an image.")
    rows = rows.astype(np.float64)
    bad = ~np.isfinite(rows)
    if bad.any():
        i, j = np.argwhere(bad)[0]
        raise CutisError(f"{what}: row {i + 1}, column {j + 1} is {rows[i, j]}; leave out rows that have no number.")
    if len(rows) < least:
        raise CutisError(f"{what} has {len(rows)} rows of {rows.shape[1]} columns; {least} or more are needed.")
    return rows


def check_alike(a: Floats, b: Floats) -> None:
    """Raise CutisError unless both have the same columns."""
    if a.shape[1] != b.shape[1]:
        raise CutisError(f"the two sets have {a.shape[1]} and {b.shape[1]} columns; expected the same features.")


def squared_distances(rows: Floats) -> Iterator[tuple[slice, Floats]]:
    """Squared Euclidean distances of some rows at a time to all, (r, n); of a row to itself infinity."""
    rows = rows - rows.mean(0)  # distances of rows far from 0 would lose digits
    lengths = np.einsum("ij,ij->i", rows, rows)
    for start in range(0, len(rows), _CHUNK):
        part = slice(start, min(start + _CHUNK, len(rows)))
        found = np.maximum(lengths[part, None] + lengths - 2 * rows[part] @ rows.T, 0)
        found[np.arange(part.stop - start), np.arange(start, part.stop)] = np.inf
        yield part, found


def neighbours(rows: Floats, k: int, group: Ints | None = None) -> tuple[Floats, Ints]:
    """(n, k) distances and numbers of each row's k nearest others, nearest first.

    group: (n,); rows of one group are no neighbours of each other. Where too few are left the distance is infinite.
    """
    far, who = np.empty((len(rows), k)), np.empty((len(rows), k), np.int64)
    for part, found in squared_distances(rows):
        if group is not None:
            found[group[part, None] == group] = np.inf
        near = np.argpartition(found, k - 1, axis=1)[:, :k]
        near.sort(axis=1)  # so that rows at one distance come in their own order
        squared = np.take_along_axis(found, near, 1)
        # The product that found them is good enough to pick, not to tell how far.
        exact = np.stack([np.linalg.norm(rows[near[i]] - rows[part.start + i], axis=1) for i in range(len(near))])
        exact[np.isinf(squared)] = np.inf
        order = np.argsort(exact, axis=1, kind="stable")
        far[part], who[part] = np.take_along_axis(exact, order, 1), np.take_along_axis(near, order, 1)
    return far, who
