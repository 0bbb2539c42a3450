"""What an answer is worth where malignancy is as common as it is: predictive values and number needed to biopsy.

Sensitivity and specificity carry over from a test set to a clinic (if the lesions are alike); predictive values don't,
as test sets hold far more malignancies than clinics do. So they are given at the data's prevalence and at a stated one.
Source: Bayes' rule, as in Altman & Bland, BMJ 309, 1994, 102: PPV = se p / (se p + (1 - sp) (1 - p)).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from cutis.errors import CutisError
from cutis.evaluate.arrays import Bools, Floats
from cutis.evaluate.discrimination import MALIGNANT
from cutis.evaluate.malignancy import TwoWay
from cutis.evaluate.quantities import Quantity, SumBlock, ratio


def check_prevalence(prevalence: float | None) -> None:
    """Raise CutisError unless a prevalence is left out or lies strictly between 0 and 1."""
    if prevalence is not None and not 0 < prevalence < 1:
        raise CutisError(f"prevalence is {prevalence:g}; expected a share between 0 and 1, such as 0.02 for 2 in 100.")


def add_predictive_values(
    block: SumBlock, question: TwoWay, points: Mapping[str, float], prevalence: float | None
) -> None:
    """At each point: ppv, npv and nnb (biopsies for each malignancy found, 1 / PPV), and the data's prevalence.

    With a stated prevalence, also ppv, npv, nnb and accuracy as they would be there, from the sensitivity and
    specificity measured here ("ppv_at_prevalence_0.02_at_point_NAME").
    """
    sick, well = question.rows & question.case, question.rows & ~question.case
    block.add_share("prevalence", sick, question.rows, class_code=MALIGNANT, what="that are malignant or benign")
    for name, threshold in points.items():
        called = question.score >= threshold
        at = f"_at_point_{name}"
        block.add_share(f"ppv{at}", sick, called & question.rows, class_code=MALIGNANT, what="that are flagged")
        block.add_share(f"npv{at}", well, ~called & question.rows, class_code=MALIGNANT, what="that are left alone")
        columns = [sick & called, well & called, sick, well]
        block.add(_quantity(block, question, f"nnb{at}", "nnb"), columns, _nnb)
        if prevalence is None:
            continue
        for metric in ("ppv", "npv", "nnb", "accuracy"):
            quantity = _quantity(block, question, f"{metric}_at_prevalence_{prevalence:g}{at}", metric)
            block.add(quantity, columns, partial(_reweighted, metric=metric, prevalence=prevalence))


def _quantity(block: SumBlock, question: TwoWay, metric: str, kind: str) -> Quantity:
    def units(rows: Bools) -> int:
        return block.sample.units_in(rows)

    sick, well = question.rows & question.case, question.rows & ~question.case
    return Quantity(
        metric=metric,
        class_code=MALIGNANT,
        n=int(question.rows.sum()),
        n_units=units(question.rows),
        needs=(("that are malignant", units(sick)), ("that are benign", units(well))),
        undefined="no malignant lesion is flagged" if kind == "nnb" else "no lesion is answered so",
    )


def _nnb(sums: Floats) -> Floats:
    """(4, r) flagged sick, flagged well, sick, well -> flagged for each sick one among them; NaN if none is."""
    return ratio(np.stack([sums[0] + sums[1], sums[0]]))


def _reweighted(sums: Floats, metric: str, prevalence: float) -> Floats:
    """The metric with the sick and the well weighed to a prevalence; NaN where nothing is answered so."""
    found, alarms = ratio(sums[[0, 2]]), ratio(sums[[1, 3]])
    tp, fp = found * prevalence, alarms * (1 - prevalence)
    fn, tn = prevalence - tp, 1 - prevalence - fp
    pairs = {"ppv": (tp, tp + fp), "npv": (tn, tn + fn), "nnb": (tp + fp, tp), "accuracy": (tp + tn, np.ones_like(tp))}
    return ratio(np.stack(pairs[metric]))
