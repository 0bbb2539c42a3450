"""How often the first answer is right: accuracy, balanced accuracy, sensitivity and specificity of each class."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from cutis.evaluate.arrays import Floats
from cutis.evaluate.quantities import Quantity, SumBlock, ratio
from cutis.evaluate.sample import Sample


def add_accuracy(block: SumBlock) -> None:
    """Share of right answers, of all rows and of those that were not refused; share of refused rows."""
    sample = block.sample
    block.add_share("accuracy", sample.correct, np.ones(len(sample), bool))
    block.add_share("accuracy_kept", sample.correct, ~sample.refused, what="that were not refused")
    block.add_share("refused", sample.refused, np.ones(len(sample), bool))


def add_balanced_accuracy(block: SumBlock) -> None:
    """Mean of the sensitivities of the classes that have rows; the remark says which have none."""
    sample = block.sample
    present = [k for k in range(len(sample.classes)) if (sample.target == k).any()]
    columns = []
    for k in present:
        case = sample.target == k
        columns += [case & sample.correct, case]
    quantity = Quantity(
        metric="balanced_accuracy",
        n=len(sample),
        n_units=sample.n_units,
        needs=(("", sample.n_units),),
        remark=absent_classes(sample, present),
        scarce=scarcest(sample),
    )
    block.add(quantity, columns, partial(_mean_of_ratios, pairs=len(present)))


def _mean_of_ratios(sums: Floats, pairs: int) -> Floats:
    return np.mean([ratio(sums[2 * i : 2 * i + 2]) for i in range(pairs)], axis=0)


def add_class_rates(block: SumBlock) -> None:
    """Sensitivity (recall) and specificity of each class, one against the rest, of the answers as given."""
    sample = block.sample
    for k, info in enumerate(sample.classes):
        case, called = sample.target == k, sample.predicted == k
        block.add_share("sensitivity", called, case, class_code=info.code, what=f"of class {info.code}")
        block.add_share("specificity", ~called, ~case, class_code=info.code, what=f"of classes other than {info.code}")


def absent_classes(sample: Sample, present: Sequence[int]) -> str:
    """ "over 5 of 7 classes (no df, vasc)", or "" if all are present."""
    if len(present) == len(sample.classes):
        return ""
    lost = ", ".join(c.code for k, c in enumerate(sample.classes) if k not in present)
    return f"over {len(present)} of {len(sample.classes)} classes (none of {lost} here)"


def scarcest(sample: Sample, weight: Floats | None = None) -> tuple[str, int] | None:
    """The class with fewest units and how many, for `Quantity.scarce`, among the classes that have any.

    weight: (n,) of a challenge; rows that weigh nothing are not there.
    """
    counts = []
    for k, info in enumerate(sample.classes):
        case = sample.target == k if weight is None else (sample.target == k) & (weight > 0)
        counts.append((f"of class {info.code}", sample.units_in(case)))
    return min((count for count in counts if count[1]), key=lambda count: count[1], default=None)
