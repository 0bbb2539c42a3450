"""Calibration of every class's probability, not only the largest: classwise ECE and the parts of the Brier score.

Each class's probability is put into 15 equal bins. With N rows in a bin, P the sum of their probabilities, Y the cases
among them, n rows in all and a share y of cases:

  * classwise ECE: mean over classes of sum over bins |P - Y| / n (Kull et al., NeurIPS 2019, equation 3).
  * Brier = reliability - resolution + uncertainty, summed over classes (Murphy, J. Applied Meteorology 12, 1973):
    sum (P - Y)^2 / (N n), sum N (Y / N - y)^2 / n, and y (1 - y). Exact where a bin holds one value; otherwise the
    small spread within bins is left over (Stephenson, Coelho & Jolliffe, Weather and Forecasting 23, 2008).
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from cutis.evaluate.arrays import Floats
from cutis.evaluate.calibration import BINS, bin_numbers
from cutis.evaluate.discrimination import unit_counts
from cutis.evaluate.quantities import Quantity
from cutis.evaluate.sample import Sample
from cutis.evaluate.unit_sums import UnitSums

NAMES = ("ece_classwise", "brier_reliability", "brier_resolution", "brier_uncertainty")


class BinnedBlock:
    def __init__(self, sample: Sample) -> None:
        n, k = sample.p.shape
        self._classes = k
        # Most probabilities are in the lowest bin: it is what the others leave of the sums over all bins.
        self._all = UnitSums(sample.unit, sample.n_units)
        self._place: list[list[int]] = []
        self._above: list[list[csr_array]] = []
        shape = (BINS - 1, sample.n_units)
        for j in range(k):
            said, case = sample.p[:, j], sample.target == j
            self._place.append([self._all.add(v) for v in (np.ones(n, bool), said, case)])
            bins = bin_numbers(said)
            rows = np.flatnonzero(bins)
            cell, unit, of_case = bins[rows] - 1, sample.unit[rows], case[rows]
            self._above.append(
                [
                    unit_counts(cell, unit, shape),
                    unit_counts(cell, unit, shape, said[rows]),
                    unit_counts(cell[of_case], unit[of_case], shape),
                ]
            )
        # Binned gaps are never negative, so that resamples lie above the value: see the note on ECE.
        self.quantities = [
            Quantity(metric=m, n=n, n_units=sample.n_units, needs=(("", sample.n_units),), biased=True) for m in NAMES
        ]

    def compute(self, weights: Floats) -> Floats:
        rows, said, cases = np.empty((3, self._classes, BINS, weights.shape[1]))
        every = self._all.weighted(weights)
        for j, (places, sums) in enumerate(zip(self._place, self._above, strict=True)):
            for found, place, above in zip((rows, said, cases), places, sums, strict=True):
                found[j, 1:] = above @ weights
                found[j, 0] = every[place] - found[j, 1:].sum(0)
        n = rows.sum(1)  # (classes, r), the same for each class
        safe = np.maximum(rows, 1.0)
        share = cases.sum(1) / n
        gap = said - cases
        return np.stack(
            [
                np.abs(gap).sum(1).mean(0) / n[0],
                (gap**2 / safe).sum((0, 1)) / n[0],
                (rows * (cases / safe - share[:, None]) ** 2).sum((0, 1)) / n[0],
                (share * (1 - share)).sum(0),
            ]
        )
