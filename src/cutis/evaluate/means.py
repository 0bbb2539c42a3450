"""Means over classes, resampled with what they are means of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from cutis.evaluate.arrays import Floats
from cutis.evaluate.quantities import Quantity


class Measurable(Protocol):
    """A block that says what its metrics are, in the order in which `compute` gives them."""

    @property
    def quantities(self) -> list[Quantity]: ...

    def compute(self, weights: Floats) -> Floats: ...


class MeanBlock:
    """The metrics of `blocks` and after them means of some.

    means: (what the mean is called, the metrics that it is the mean of, as places in the blocks' own order). Of those,
    the ones without a value in the data (a class that has no case) are left out, of the value and of every resample.
    """

    def __init__(self, blocks: Sequence[Measurable], means: Sequence[tuple[Quantity, Sequence[int]]], n_units: int):
        self._blocks = list(blocks)
        own = [q for block in self._blocks for q in block.quantities]
        whole = self._own(np.ones((n_units, 1))) if n_units else np.full((len(own), 1), np.nan)
        self._rows = [[i for i in rows if np.isfinite(whole[i, 0])] for _, rows in means]
        self.quantities = [*own, *(quantity for quantity, _ in means)]

    def _own(self, weights: Floats) -> Floats:
        if not self._blocks:
            return np.zeros((0, weights.shape[1]))
        return np.concatenate([block.compute(weights) for block in self._blocks])

    def compute(self, weights: Floats) -> Floats:
        own = self._own(weights)
        nothing = np.full(weights.shape[1], np.nan)
        return np.vstack([own, *(own[rows].mean(0) if rows else nothing for rows in self._rows)])
