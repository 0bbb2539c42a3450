"""From answers before and after to rows of the dossier: how far they move, how many become another class."""

from __future__ import annotations

import numpy as np

from cutis.audit.counterfactual.answers import Answers
from cutis.audit.counterfactual.changes import Change
from cutis.evaluate.arrays import Bools
from cutis.evaluate.bootstrap import check_resampling, exact_limit
from cutis.evaluate.numbers import as_measured, values_of
from cutis.evaluate.quantities import Quantity, RowMeans
from cutis.evaluate.sample import renumber
from cutis.schema.dossier import CounterfactualRow


def effects(
    answers: Answers, *, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> tuple[CounterfactualRow, ...]:
    """For each change a row of all images, then of each class (`Answers.groups`).

    shift: mean of after minus before, of `Answers.measure`; distance: mean of its size; flips: share of images whose
    most probable class is another. Percentile intervals of the cluster bootstrap; a row without images says so.
    """
    check_resampling(resamples, seed, level)
    groups = answers.groups()
    return tuple(
        _row(answers, number, change, group, inside, resamples, seed, level)
        for number, change in enumerate(answers.changes)
        for group, inside in groups.items()
    )


def _row(
    answers: Answers,
    number: int,
    change: Change,
    group: str,
    inside: Bools,
    resamples: int,
    seed: int,
    level: float,
) -> CounterfactualRow:
    after = answers.after[number]
    rows = inside & np.isfinite(after[:, 0])
    moved = (answers.followed(after) - answers.followed(answers.before))[rows]
    flipped = (answers.before.argmax(1) != np.nan_to_num(after).argmax(1))[rows]
    unit = renumber(answers.unit[rows])
    n, n_units = int(rows.sum()), int(unit.max(initial=-1)) + 1
    block = RowMeans(unit, n_units)
    for values in (moved, np.abs(moved), flipped.astype(np.float64)):
        block.add(values)
    ids = [answers.ids[i] for i in np.flatnonzero(rows)]
    point, draws = values_of([block], 3, ids, n_units, resamples, seed)
    limits: list[tuple[float, float] | None] = [None, None]
    remark = ""
    if n_units and not moved.any():
        # Resamples of zeros are zeros and would claim certainty. A share up to the exact limit may move, by 1 at most.
        most = exact_limit(n_units, level)
        limits, remark = [(-most, most), (0.0, most)], "no answer moved at all, so the interval is the exact one"

    def quantity(name: str, limits: tuple[float, float] | None, *, share: bool = False) -> Quantity:
        needs = (("", n_units),)
        return Quantity(
            metric=name, n=n, n_units=n_units, needs=needs, limits=limits, share=share, remark=remark if limits else ""
        )

    quantities = (
        quantity("shift", limits[0]),
        quantity("distance", limits[1]),
        quantity("flips", None, share=True),
    )
    shift, distance, flips = (
        as_measured(q, float(point[i, 0]), draws[i], answers.unit_name, level, None, None).estimate
        for i, q in enumerate(quantities)
    )
    return CounterfactualRow(
        world=answers.world,
        change=change.words,
        value=change.value,
        unit=change.unit,
        group=group,
        n=n,
        outside_trust=int(inside.sum()) - n,
        shift=shift,
        distance=distance,
        flips=flips,
    )
