"""Answering only what one is sure of: how the error falls as the least confident rows are left out.

Risk at coverage c is the error among the most confident share c of the rows. AURC is its mean over all coverages;
E-AURC takes off what a perfect order would still have (Geifman, Uziel & El-Yaniv, "Bias-reduced uncertainty
estimation", ICLR 2019, equations 1-2 and section 2). Confidence is the largest probability; rows of equal confidence
come and go together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cutis.evaluate.arrays import Floats, passed, running
from cutis.evaluate.quantities import Quantity
from cutis.evaluate.sample import Sample

COVERAGES = (0.80, 0.90)


class SelectiveBlock:
    """aurc and, if `coverages` are given, e_aurc and risk_at_coverage_c for each."""

    def __init__(self, sample: Sample, coverages: Sequence[float] = ()) -> None:
        order = np.argsort(-sample.confidence, kind="stable")  # the most confident first
        ranked = sample.confidence[order]
        self._unit, self._wrong = sample.unit[order], (~sample.correct[order]).astype(np.float64)[:, None]
        last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)  # of the rows that tie
        self._last = last if len(last) < len(ranked) else None
        self._coverages = tuple(coverages)
        names = ["aurc"]
        if coverages:
            names += ["e_aurc", *(f"risk_at_coverage_{c:.2f}" for c in coverages)]
        self.quantities = [
            Quantity(metric=name, n=len(sample), n_units=sample.n_units, needs=(("", sample.n_units),))
            for name in names
        ]

    def compute(self, weights: Floats) -> Floats:
        rows = weights[self._unit]
        lost, kept = running(rows * self._wrong), running(rows.copy())
        if self._last is not None:
            kept, lost = kept[self._last], lost[self._last]
            rows = np.diff(kept, axis=0, prepend=0.0)
        risk = np.divide(lost, np.maximum(kept, 1.0), out=lost)  # of none of the rows: 0
        n = kept[-1]
        aurc: Floats = np.einsum("kr,kr->r", rows, risk) / n
        if not self._coverages:
            return aurc[None]
        error = risk[-1]
        right = np.maximum(1 - error, 1e-300)  # the limit of (1 - r) ln(1 - r) at 1 is 0
        found = [aurc, aurc - (error + right * np.log(right))]
        column = np.arange(weights.shape[1])
        for coverage in self._coverages:
            first = passed(kept, coverage * n - 1e-9)
            found.append(risk[np.minimum(first, len(kept) - 1), column])
        return np.stack(found)
