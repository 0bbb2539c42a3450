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
from cutis.evaluate.quantities import Quantity
from cutis.evaluate.sample import Sample

NAMES = ("ece_classwise", "brier_reliability", "brier_resolution", "brier_uncertainty")


class BinnedBlock:
    def __init__(self, sample: Sample) -> None:
        n, k = sample.p.shape
        cell = (bin_numbers(sample.p) + BINS * np.arange(k)).ravel()
        unit = np.repeat(sample.unit, k)
        truth = np.zeros((n, k))
        truth[np.arange(n), sample.target] = 1.0
        self._classes = k
        self._sums = [
            csr_array((values.ravel(), (cell, unit)), shape=(k * BINS, sample.n_units))
            for values in (np.ones((n, k)), sample.p, truth)
        ]
        # Binned gaps are never negative, so that resamples lie above the value: see the note on ECE.
        self.quantities = [
            Quantity(metric=m, n=n, n_units=sample.n_units, needs=(("", sample.n_units),), biased=True) for m in NAMES
        ]

    def compute(self, weights: Floats) -> Floats:
        r = weights.shape[1]
        rows, said, cases = ((s @ weights).reshape(self._classes, BINS, r) for s in self._sums)
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
