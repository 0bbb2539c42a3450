"""How well scores rank cases above the rest: AUROC, average precision, parts of the ROC curve, the curve itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from cutis.evaluate.arrays import Bools, Floats, Ints, distinct, passed, running
from cutis.evaluate.quantities import Quantity
from cutis.schema.evidence import RocCurve

AREAS = ("average_precision", "auc_above_sensitivity_0.80", "pauc_above_tpr_0.80")
_FROM = 0.80  # sensitivity from which the two partial areas count
FIXED = (0.90, 0.95)  # specificities and sensitivities at which the other is read off the curve
MALIGNANT = "malignant"  # stands for a class code: all classes counted as malignant against all counted as benign
_MOST_POINTS = 200
_DENSE = 10_000  # points evenly along the curve among which the corners of its hull are looked for


class RankBlock:
    """AUROC of a score; with `fixed`, the best attainable rates at fixed ones; with `areas`, those of AREAS.

    AUROC is the chance that a case outranks a non-case, ties counting half (Hanley & McNeil, Radiology 143, 1982).
    "sensitivity_at_specificity_s" is the highest sensitivity among thresholds "score >= t" whose specificity is at
    least s, and the reverse; nothing is interpolated between thresholds. "average_precision" is the sum over thresholds
    of (rise in sensitivity) x precision, with no interpolation, as scikit-learn's. The two areas "from a sensitivity of
    0.80" differ: "auc_above_sensitivity_0.80" is the area under the curve to the right of where it reaches 0.80, down
    to the axis, 0..1, perfect 1 (isic-challenge-scoring, metrics.py); "pauc_above_tpr_0.80" is the part of that above
    the line TPR = 0.80, 0..0.2, by chance 0.02 (ISIC 2024). Both interpolate the curve linearly between its points,
    which matters only where scores tie.

    weight: (n,) of each row, where a challenge weighs its images.

    How: only thresholds at the scores of cases matter (between two of them sensitivity stands still). Non-cases are
    counted into the gaps between those, once; a resample then needs two sparse products and a running sum.
    """

    def __init__(
        self,
        score: Floats,
        case: Bools,
        unit: Ints,
        n_units: int,
        class_code: str | None,
        fixed: Sequence[float] = (),
        areas: Sequence[str] = (),
        weight: Floats | None = None,
    ) -> None:
        weight = np.ones(len(score)) if weight is None else weight
        cases, others = distinct(unit[case & (weight > 0)]), distinct(unit[~case & (weight > 0)])
        if not fixed and not areas and case.sum() > len(case) / 2:
            score, case = -score, ~case  # the same AUROC, from fewer thresholds
        steps = np.unique(-score[case])  # ascending, so that the highest score comes first
        shape = (len(steps), n_units)
        self._case = unit_counts(np.searchsorted(steps, -score[case]), unit[case], shape, weight[case])
        rest, rest_unit, rest_weight = -score[~case], unit[~case], weight[~case]
        at = np.searchsorted(steps, rest)
        inside = at < len(steps)  # the others rank below every case
        self._rest = unit_counts(at[inside], rest_unit[inside], shape, rest_weight[inside])
        tied = inside.copy()
        tied[inside] = steps[at[inside]] == rest[inside]
        self._tied = unit_counts(at[tied], rest_unit[tied], shape, rest_weight[tied]) if tied.any() else None
        self._all_rest = np.bincount(rest_unit, rest_weight, minlength=n_units)
        self._fixed = tuple(fixed)
        self._areas = tuple(areas)
        names = ["auroc"]
        names += [f"sensitivity_at_specificity_{level:.2f}" for level in self._fixed]
        names += [f"specificity_at_sensitivity_{level:.2f}" for level in self._fixed]
        names += self._areas
        what = "" if class_code is None else class_code
        self.quantities = [
            Quantity(
                metric=metric,
                class_code=class_code,
                n=len(score),
                n_units=distinct(unit),
                needs=((f"that are {what}", cases), (f"that are not {what}", others)),
            )
            for metric in names
        ]

    def compute(self, weights: Floats) -> Floats:
        r = weights.shape[1]
        found = np.full((len(self.quantities), r), np.nan)
        if self._case.shape[0] == 0:
            return found
        case = self._case @ weights
        true = running(case.copy())  # cases at or above each threshold
        false = running(self._rest @ weights)  # non-cases at or above it
        cases, others = true[-1], self._all_rest @ weights
        fine = (cases > 0) & (others > 0)
        safe_cases, safe_others = np.where(fine, cases, 1.0), np.where(fine, others, 1.0)
        lost = np.einsum("kr,kr->r", case, false)
        tied = self._tied @ weights if self._tied is not None else None
        if tied is not None:
            lost -= 0.5 * np.einsum("kr,kr->r", case, tied)
        found[0] = 1.0 - lost / (safe_cases * safe_others)
        column = np.arange(r)
        for i, level in enumerate(self._fixed):
            # The tolerance is for products such as (1 - 0.9) * 10, which fall just short of 1.
            allowed = passed(false, (1.0 - level) * safe_others + 1e-9)
            found[1 + i] = np.where(allowed > 0, true[allowed - 1, column], 0.0) / safe_cases
            reached = passed(true, level * safe_cases - 1e-9)
            found[1 + len(self._fixed) + i] = 1.0 - false[np.minimum(reached, len(true) - 1), column] / safe_others
        for i, name in enumerate(self._areas, 1 + 2 * len(self._fixed)):
            if name == "average_precision":
                called = true + false
                precision = np.divide(true, np.maximum(called, 1e-300, out=called), out=called)  # 0 where none is
                found[i] = np.einsum("kr,kr->r", case, precision) / safe_cases
            else:
                above, left = _above(case, true, false, tied, safe_cases, safe_others)
                found[i] = above if name.startswith("pauc") else above + _FROM * (1 - left)
        found[:, ~fine] = np.nan
        return found


def _above(
    case: Floats, true: Floats, false: Floats, tied: Floats | None, cases: Floats, others: Floats
) -> tuple[Floats, Floats]:
    """Area between the ROC curve and the line of sensitivity _FROM, and the FPR where the curve reaches it: two (r,).

    At step k sensitivity rises from true - case to true, while the FPR moves along a straight line over the non-cases
    that tie; in between sensitivity stands still, so the area is a sum of trapezia lying on their sides.
    """
    level = _FROM * cases
    before = true - case
    start = np.clip(level, before, true)  # where in the step the line is passed
    part = np.divide(start - before, case, out=np.ones_like(case), where=case > 0)
    at_start = false if tied is None else false - tied * (1 - part)
    height = true - start
    area = np.einsum("kr,kr->r", height, 1 - (at_start + false) / (2 * others)) / cases
    reached = np.minimum(passed(true, level - 1e-9), len(true) - 1)
    return area, at_start[reached, np.arange(case.shape[1])] / others


def unit_counts(row: Ints, column: Ints, shape: tuple[int, int], weight: Floats | None = None) -> csr_array:
    """(rows, units) sums of the weights (ones if not given) that fall together."""
    return csr_array((np.ones(len(row)) if weight is None else weight, (row, column)), shape=shape)


def roc_curve(score: Floats, case: Bools, class_code: str) -> RocCurve | None:
    """The ROC curve, thinned to at most 200 points; None if there are no cases or nothing but cases."""
    if case.all() or not case.any():
        return None
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)  # last row of each run of ties
    true = np.append(0, np.cumsum(case[order])[last])
    false = np.append(0, np.cumsum(~case[order])[last])
    # A point on a straight run says nothing. In whole numbers, so this is exact.
    step_true, step_false = np.diff(true), np.diff(false)
    bend = step_true[1:] * step_false[:-1] != step_true[:-1] * step_false[1:]
    keep = np.concatenate([[True], bend, [True]])
    fpr, tpr = false[keep] / false[-1], true[keep] / true[-1]
    thin = _thin(fpr, tpr)
    return RocCurve(class_code=class_code, fpr=fpr[thin].tolist(), tpr=tpr[thin].tolist())


def _thin(x: Floats, y: Floats) -> Ints:
    """Indices of at most 200 points: both ends, the corners of the convex hull, and others evenly along the curve."""
    if len(x) <= _MOST_POINTS:
        return np.arange(len(x))
    along = x + y  # both grow, so this is the length of the staircase so far
    dense = np.unique(np.searchsorted(along, np.linspace(0, 2, _DENSE)).clip(max=len(x) - 1))
    hull = [0]
    for i in dense[1:].tolist():
        while len(hull) > 1 and _under(x, y, hull[-2], hull[-1], i):
            hull.pop()
        hull.append(i)
    corners = np.array(hull)
    if len(corners) > _MOST_POINTS // 2:
        corners = corners[np.unique(np.linspace(0, len(corners) - 1, _MOST_POINTS // 2).astype(int))]
    even = np.searchsorted(along, np.linspace(0, 2, _MOST_POINTS - len(corners)))
    return np.union1d(corners, np.minimum(even, len(x) - 1))


def _under(x: Floats, y: Floats, a: int, b: int, c: int) -> bool:
    """Whether b lies on or under the line from a to c."""
    return bool((x[b] - x[a]) * (y[c] - y[a]) - (y[b] - y[a]) * (x[c] - x[a]) >= 0)
