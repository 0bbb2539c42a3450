"""All numbers of one set of rows: points, resamples, and the words where a number can't be given."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cutis.evaluate.bootstrap import Block, exact_limit, generator, interval, resample
from cutis.evaluate.calibration import add_calibration
from cutis.evaluate.classification import absent_classes, add_accuracy, add_balanced_accuracy, add_class_rates, scarcest
from cutis.evaluate.discrimination import FIXED, MALIGNANT, RankBlock
from cutis.evaluate.malignancy import add_operating_points, is_two_way, two_way
from cutis.evaluate.quantities import Quantity, SumBlock
from cutis.evaluate.sample import Floats, Sample
from cutis.evaluate.sets import add_sets
from cutis.schema.evidence import Measured

FEWEST = 5  # units for a value
FEWEST_FOR_INTERVAL = 10
PLURALS = {"patient": "patients", "lesion": "lesions", "image": "images", "patient or lesion": "patients or lesions"}


def measure_sample(
    sample: Sample,
    *,
    attribute: str | None,
    group: str | None,
    points: Mapping[str, float],
    sets: bool,
    resamples: int,
    seed: int,
    level: float,
) -> list[Measured]:
    """All numbers of one group of rows, or of the whole table (group None), which has more of them."""
    whole = group is None
    fixed = FIXED if whole else ()
    sums = SumBlock(sample)
    add_accuracy(sums)
    add_balanced_accuracy(sums)
    add_calibration(sums)
    if sets:
        add_sets(sums, by_class=whole)
    if whole:
        add_class_rates(sums)
    ranks = [
        RankBlock(sample.p[:, k], sample.target == k, sample.unit, sample.n_units, info.code, fixed)
        for k, info in enumerate(sample.classes)
    ]
    if is_two_way(sample.classes):
        question = two_way(sample)
        add_operating_points(sums, question, points)
        rows = question.rows
        ranks.append(
            RankBlock(question.score[rows], question.case[rows], sample.unit[rows], sample.n_units, MALIGNANT, fixed)
        )
    blocks: list[Block] = [sums, *ranks]
    quantities = [*sums.quantities, *(q for block in ranks for q in block.quantities)]

    point = np.full((len(quantities), 1), np.nan)
    draws = np.full((len(quantities), resamples), np.nan)
    if len(sample):
        point = np.concatenate([block.compute(np.ones((sample.n_units, 1))) for block in blocks])
    if sample.n_units >= FEWEST_FOR_INTERVAL:
        draws = resample(blocks, generator(seed, sample.ids), sample.n_units, resamples)

    aurocs = [i for i, q in enumerate(quantities) if q.metric == "auroc" and q.class_code != MALIGNANT]
    quantities, point, draws = _with_macro(sample, quantities, point, draws, aurocs)
    dropped = set() if whole else set(aurocs)
    return [
        _measured(q, point[i, 0], draws[i], sample.unit_name, level, attribute, group)
        for i, q in enumerate(quantities)
        if i not in dropped
    ]


def _with_macro(
    sample: Sample, quantities: list[Quantity], point: Floats, draws: Floats, aurocs: list[int]
) -> tuple[list[Quantity], Floats, Floats]:
    """Macro AUROC appended: the mean over the classes that can be ranked, which the remark counts."""
    present = [k for k, i in enumerate(aurocs) if np.isfinite(point[i, 0])]
    rows = [aurocs[k] for k in present]
    quantity = Quantity(
        metric="macro_auroc",
        n=len(sample),
        n_units=sample.n_units,
        needs=(("", sample.n_units),),
        remark=absent_classes(sample, present),
        scarce=scarcest(sample),
    )
    if not rows:
        nothing = np.full((1, draws.shape[1]), np.nan)
        return [*quantities, quantity], np.vstack([point, [[np.nan]]]), np.vstack([draws, nothing])
    return (
        [*quantities, quantity],
        np.vstack([point, point[rows].mean(0, keepdims=True)]),
        np.vstack([draws, draws[rows].mean(0, keepdims=True)]),
    )


def _measured(
    quantity: Quantity,
    value: float,
    draws: Floats,
    unit: str,
    level: float,
    attribute: str | None,
    group: str | None,
) -> Measured:
    """One number as it is reported, or why there is none."""
    units = PLURALS[unit]

    def count(n: int) -> str:
        return f"{n} {unit if n == 1 else units}"

    def report(value: float | None, low: float | None, high: float | None, reason: str) -> Measured:
        return Measured(
            metric=quantity.metric,
            class_code=quantity.class_code,
            attribute=attribute,
            group=group,
            value=value,
            low=low,
            high=high,
            n=quantity.n,
            n_units=quantity.n_units,
            unit=unit,
            status="not estimable" if value is None else "ok",
            reason=reason,
        )

    for what, have in quantity.needs:
        if have < FEWEST:
            those = f"{count(have)} {what}".strip()
            return report(None, None, None, f"only {those}; you need {FEWEST - have} more")
    if not np.isfinite(value):
        return report(None, None, None, "all rows are of one class; you need rows of at least two")
    value = float(value)
    remarks = [quantity.remark] if quantity.remark else []
    low: float | None = None
    high: float | None = None
    if quantity.n_units < FEWEST_FOR_INTERVAL:
        more = FEWEST_FOR_INTERVAL - quantity.n_units
        remarks.append(f"only {count(quantity.n_units)}; for an interval you need {more} more")
    elif quantity.share and value in (0.0, 1.0):
        limit = exact_limit(quantity.n_units, level)
        low, high = (0.0, limit) if value == 0.0 else (1.0 - limit, 1.0)
        remarks.append(f"all {units} agree, so the interval is the exact one (Clopper-Pearson)")
    else:
        found = interval(draws, level)
        if isinstance(found, str):
            code, n = quantity.scarce
            remarks.append(f"{found} (scarcest: {code}, {count(n)})" if n else found)
        elif found[0] == found[1]:
            remarks.append("nearly all resamples give the same value, so they say nothing of its uncertainty")
        else:
            low, high = found
            if quantity.biased:
                low, high = min(low, value), max(high, value)
    return report(value, low, high, "; ".join(remarks))
