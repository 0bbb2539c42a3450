"""How well scores rank cases above the rest: AUROC, points on the ROC curve, the curve itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from cutis.evaluate.quantities import Quantity
from cutis.evaluate.sample import Bools, Floats, Ints
from cutis.schema.evidence import RocCurve

FIXED = (0.90, 0.95)  # specificities and sensitivities at which the other is read off the curve
MALIGNANT = "malignant"  # stands for a class code: all classes counted as malignant against all counted as benign
_MOST_POINTS = 200


class RankBlock:
    """AUROC of a score, and if `fixed` is given, the best attainable rates at fixed ones.

    AUROC is the chance that a case outranks a non-case, ties counting half (Hanley & McNeil, Radiology 143, 1982).
    "sensitivity_at_specificity_s" is the highest sensitivity among thresholds "score >= t" whose specificity is at
    least s, and the reverse; nothing is interpolated between thresholds.

    How: only thresholds at the scores of cases matter (between two of them sensitivity stands still). Non-cases are
    counted into the gaps between those, once; a resample then needs two sparse products and a running sum.
    """

    def __init__(
        self,
        score: Floats,
        case: Bools,
        unit: Ints,
        n_units: int,
        class_code: str,
        fixed: Sequence[float] = (),
    ) -> None:
        cases, others = len(np.unique(unit[case])), len(np.unique(unit[~case]))
        if not fixed and case.sum() > len(case) / 2:
            score, case = -score, ~case  # the same AUROC, from fewer thresholds
        steps = np.unique(-score[case])  # ascending, so that the highest score comes first
        shape = (len(steps), n_units)
        self._case = _counts(np.searchsorted(steps, -score[case]), unit[case], shape)
        rest, rest_unit = -score[~case], unit[~case]
        at = np.searchsorted(steps, rest)
        inside = at < len(steps)  # the others rank below every case
        self._rest = _counts(at[inside], rest_unit[inside], shape)
        tied = inside.copy()
        tied[inside] = steps[at[inside]] == rest[inside]
        self._tied = _counts(at[tied], rest_unit[tied], shape) if tied.any() else None
        self._all_rest = np.bincount(rest_unit, minlength=n_units).astype(np.float64)
        self._fixed = tuple(fixed)
        names = ["auroc"]
        names += [f"sensitivity_at_specificity_{level:.2f}" for level in self._fixed]
        names += [f"specificity_at_sensitivity_{level:.2f}" for level in self._fixed]
        self.quantities = [
            Quantity(
                metric=metric,
                class_code=class_code,
                n=len(score),
                n_units=len(np.unique(unit)),
                needs=((f"that are {class_code}", cases), (f"that are not {class_code}", others)),
            )
            for metric in names
        ]

    def compute(self, weights: Floats) -> Floats:
        r = weights.shape[1]
        found = np.full((1 + 2 * len(self._fixed), r), np.nan)
        if self._case.shape[0] == 0:
            return found
        case = self._case @ weights
        true = np.cumsum(case, axis=0)  # cases at or above each threshold
        false = np.cumsum(self._rest @ weights, axis=0)  # non-cases at or above it
        cases, others = true[-1], self._all_rest @ weights
        fine = (cases > 0) & (others > 0)
        safe_cases, safe_others = np.where(fine, cases, 1.0), np.where(fine, others, 1.0)
        lost = np.einsum("kr,kr->r", case, false)
        if self._tied is not None:
            lost -= 0.5 * np.einsum("kr,kr->r", case, self._tied @ weights)
        found[0] = 1.0 - lost / (safe_cases * safe_others)
        column = np.arange(r)
        for i, level in enumerate(self._fixed):
            # The tolerance is for products such as (1 - 0.9) * 10, which fall just short of 1.
            allowed = (false <= (1.0 - level) * safe_others + 1e-9).sum(0)
            found[1 + i] = np.where(allowed > 0, true[allowed - 1, column], 0.0) / safe_cases
            reached = np.argmax(true >= level * safe_cases - 1e-9, axis=0)
            found[1 + len(self._fixed) + i] = 1.0 - false[reached, column] / safe_others
        found[:, ~fine] = np.nan
        return found


def _counts(row: Ints, column: Ints, shape: tuple[int, int]) -> csr_array:
    return csr_array((np.ones(len(row)), (row, column)), shape=shape)


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
    hull = [0]
    for i in range(1, len(x)):
        while len(hull) > 1 and _under(x, y, hull[-2], hull[-1], i):
            hull.pop()
        hull.append(i)
    corners = np.array(hull)
    if len(corners) > _MOST_POINTS // 2:
        corners = corners[np.unique(np.linspace(0, len(corners) - 1, _MOST_POINTS // 2).astype(int))]
    along = x + y  # both grow, so this is the length of the staircase so far
    even = np.searchsorted(along, np.linspace(0, 2, _MOST_POINTS - len(corners)))
    return np.union1d(corners, np.minimum(even, len(x) - 1))


def _under(x: Floats, y: Floats, a: int, b: int, c: int) -> bool:
    """Whether b lies on or under the line from a to c."""
    return bool((x[b] - x[a]) * (y[c] - y[a]) - (y[b] - y[a]) * (x[c] - x[a]) >= 0)
