"""Answering only what one is sure of: how the error falls as the least confident rows are left out.

Risk at coverage c is the error among the most confident share c of the rows. AURC is its mean over all coverages;
E-AURC takes off what a perfect order would still have (Geifman, Uziel & El-Yaniv, "Bias-reduced uncertainty
estimation", ICLR 2019, equations 1-2 and section 2). Confidence is the largest probability; rows of equal confidence
come and go together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from cutis.evaluate.arrays import Floats
from cutis.evaluate.quantities import Quantity
from cutis.evaluate.sample import Sample

COVERAGES = (0.80, 0.90)


class SelectiveBlock:
    """aurc and, if `coverages` are given, e_aurc and risk_at_coverage_c for each."""

    def __init__(self, sample: Sample, coverages: Sequence[float] = ()) -> None:
        steps, at = np.unique(-sample.confidence, return_inverse=True)  # the most confident first
        shape = (len(steps), sample.n_units)
        wrong = ~sample.correct
        self._rows = csr_array((np.ones(len(at)), (at, sample.unit)), shape=shape)
        self._wrong = csr_array((np.ones(int(wrong.sum())), (at[wrong], sample.unit[wrong])), shape=shape)
        self._coverages = tuple(coverages)
        names = ["aurc"]
        if coverages:
            names += ["e_aurc", *(f"risk_at_coverage_{c:.2f}" for c in coverages)]
        self.quantities = [
            Quantity(metric=name, n=len(sample), n_units=sample.n_units, needs=(("", sample.n_units),))
            for name in names
        ]

    def compute(self, weights: Floats) -> Floats:
        rows = self._rows @ weights
        kept = np.cumsum(rows, axis=0)
        lost = np.cumsum(self._wrong @ weights, axis=0)
        risk = np.divide(lost, kept, out=np.zeros_like(lost), where=kept > 0)
        n = kept[-1]
        aurc: Floats = np.einsum("kr,kr->r", rows, risk) / n
        if not self._coverages:
            return aurc[None]
        error = risk[-1]
        right = np.maximum(1 - error, 1e-300)  # the limit of (1 - r) ln(1 - r) at 1 is 0
        found = [aurc, aurc - (error + right * np.log(right))]
        column = np.arange(weights.shape[1])
        for coverage in self._coverages:
            first = np.argmax(kept >= coverage * n - 1e-9, axis=0)
            found.append(risk[first, column])
        return np.stack(found)
