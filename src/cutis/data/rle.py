"""COCO's run-length code of a mask: lengths of runs of 0 and 1 in turn, 0 first, down the columns."""

from __future__ import annotations

import numpy as np


def encode(mask: np.ndarray) -> list[int]:
    """Counts of a bool mask of shape (height, width)."""
    flat = mask.astype(bool).ravel(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts: list[int] = np.diff([0, *edges, len(flat)]).tolist() if len(flat) else []
    return [0, *counts] if len(flat) and flat[0] else counts


def decode(counts: list[int], height: int, width: int) -> np.ndarray:
    """The bool mask (height, width). Raises ValueError if the counts aren't those of such a mask."""
    runs = np.asarray(counts, np.int64)
    if runs.ndim != 1 or (runs < 0).any() or int(runs.sum()) != height * width:
        raise ValueError(f"runs do not add up to {height} x {width}")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape((height, width), order="F")


def decompress(text: str) -> list[int]:
    """Counts from COCO's compressed string: base 32, least digit first, each count from the third on as the difference
    to the one two before it. Raises ValueError for anything else."""
    counts: list[int] = []
    value = shift = 0
    for character in text:
        digit = ord(character) - 48
        if not 0 <= digit < 64:
            raise ValueError("not a compressed run-length code")
        value |= (digit & 31) << shift
        shift += 5
        if digit & 32:
            continue
        if digit & 16:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("a compressed run-length code that ends too soon")
    return counts
