"""Decision curves: is acting on the model better than acting on everybody, or on nobody.

Net benefit at a threshold probability t: TP / n - FP / n * t / (1 - t), where t is the chance of malignancy at which a
person would just want the lesion biopsied; t / (1 - t) is what an unneeded biopsy costs in units of a found malignancy.
Source: Vickers & Elkin, Medical Decision Making 26, 2006, equation on page 567.
"""

from __future__ import annotations

import numpy as np

from cutis.evaluate.arrays import Floats, distinct
from cutis.evaluate.discrimination import MALIGNANT, unit_counts
from cutis.evaluate.malignancy import TwoWay
from cutis.evaluate.quantities import Quantity
from cutis.evaluate.sample import Sample

# Finer where skin lesions are decided on: few would wait until malignancy is likelier than not.
THRESHOLDS = (*(k / 100 for k in range(1, 11)), *(k / 100 for k in range(15, 100, 5)))


class DecisionBlock:
    """`net_benefit_at_T` of "p(malignant) >= T" for each of THRESHOLDS, per image, below or at the prevalence.

    prevalence: of malignancy among those it would be used on; None takes that of the rows. Stated otherwise, net
    benefit is sensitivity * prevalence - (1 - specificity) * (1 - prevalence) * t / (1 - t).
    """

    def __init__(self, sample: Sample, question: TwoWay, prevalence: float | None) -> None:
        rows = question.rows
        score, case, unit = question.score[rows], question.case[rows], sample.unit[rows]
        step = np.searchsorted(np.array(THRESHOLDS), score + 1e-12, side="right")  # thresholds that the score reaches
        shape = (len(THRESHOLDS) + 1, sample.n_units)
        self._case = unit_counts(step[case], unit[case], shape)
        self._rest = unit_counts(step[~case], unit[~case], shape)
        self._prevalence = prevalence
        units = distinct(unit)
        sick, well = distinct(unit[case]), distinct(unit[~case])
        self.quantities = [
            Quantity(
                metric=f"net_benefit_at_{t:.2f}",
                class_code=MALIGNANT,
                n=len(score),
                n_units=units,
                needs=(("that are malignant", sick), ("that are benign", well)),
                remark="" if prevalence is None else f"at a stated prevalence of {prevalence:g}",
            )
            for t in THRESHOLDS
        ]

    def compute(self, weights: Floats) -> Floats:
        case, rest = self._case @ weights, self._rest @ weights
        cases, others = case.sum(0), rest.sum(0)
        fine = (cases > 0) & (others > 0)
        # Rows at or above the k-th threshold are those that reach k + 1 of them or more.
        sensitivity = np.cumsum(case[::-1], axis=0)[::-1][1:] / np.where(fine, cases, 1.0)
        alarm = np.cumsum(rest[::-1], axis=0)[::-1][1:] / np.where(fine, others, 1.0)
        total = np.where(fine, cases + others, 1.0)
        share = cases / total if self._prevalence is None else np.full(len(cases), self._prevalence)
        odds = np.array([t / (1 - t) for t in THRESHOLDS])[:, None]
        benefit: Floats = sensitivity * share - alarm * (1 - share) * odds
        benefit[:, ~fine] = np.nan
        return benefit
