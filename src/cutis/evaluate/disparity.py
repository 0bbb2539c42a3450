"""The field's fairness measures, as formulas on the numbers of each group; and how far resamples can move them.

Arrays end in (groups, r): r values of each group, such as one point and its resamples. Measures that average over
classes take (classes, groups, r). All are shares in 0..1, never percent. NaN in a cell makes its measure NaN.

Why the bounds. A largest gap is never negative, so every resample of groups that are alike shows one, and larger than
the sample's own: a percentile interval of it can't hold the truth 0 (a bootstrap fails where a parameter lies at the
edge of its range: Andrews, Econometrica 68, 2000). What can be trusted is how far resamples lie from the sample. A
spread is a seminorm of the groups' values, so by the triangle inequality |spread(truth) - spread(sample)| is at most
spread(truth - sample), and the resamples give the size of that. The interval then covers at least as often as it
claims: about as often with two groups, more often with many that differ.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cutis.errors import CutisError
from cutis.evaluate.arrays import Floats

Spread = Callable[[Floats], Floats]


def gap(values: Floats) -> Floats:
    """Largest minus smallest over the groups: (..., groups, r) -> (..., r). Between groups, as fairlearn's
    `MetricFrame.difference(method="between_groups")` (Bird et al., Microsoft MSR-TR-2020-32, 2020)."""
    return np.asarray(values.max(-2) - values.min(-2), np.float64)


def ratio(values: Floats) -> Floats:
    """Smallest over largest of the groups: (..., groups, r) -> (..., r); NaN where all are 0."""
    high = values.max(-2)
    found: Floats = np.divide(values.min(-2), high, out=np.full(high.shape, np.nan), where=high > 0)
    return found


def nar(accuracy: Floats) -> Floats:
    """Normalised accuracy range, (max - min) / (unweighted mean over groups + 1e-6); 0 is even, lower is better.

    Source: CIRCLe (Pakzad, Abhishek & Hamarneh, arXiv 2208.13528) and its code, where the 1e-6 is.
    """
    return gap(accuracy) / (accuracy.mean(-2) + 1e-6)


def pqd(accuracy: Floats) -> Floats:
    """Predictive quality disparity, min / max of the groups' accuracies; 1 is even, higher is better.

    Source: FairDisCo (Du et al., arXiv 2208.10013), multi_evaluate.ipynb of its code.
    """
    return ratio(accuracy)


def dpm(called: Floats) -> Floats:
    """Demographic disparity: min / max over groups of P(answer = class | group), averaged over classes; 1 is even.

    called: (classes, groups, r) shares of rows that are answered with the class. Source: FairDisCo, as above.
    """
    return np.asarray(ratio(called).mean(0), np.float64)


def eom(sensitivity: Floats) -> Floats:
    """Equality of opportunity: min / max over groups of a class's sensitivity, averaged over classes; 1 is even.

    sensitivity: (classes, groups, r). Source: FairDisCo, as above.
    """
    return np.asarray(ratio(sensitivity).mean(0), np.float64)


def eod(sensitivity: Floats) -> Floats:
    """Equal opportunity difference: a class's largest gap in sensitivity, averaged over classes; 0 is even.

    sensitivity: (classes, groups, r). With one class it is fairlearn's `equal_opportunity_difference`; with two groups,
    light and dark, CIRCLe's (as above). Source of the idea: Hardt, Price & Srebro, NeurIPS 2016.
    """
    return np.asarray(gap(sensitivity).mean(0), np.float64)


def equalized_odds(sensitivity: Floats, false_positive_rate: Floats) -> Floats:
    """The larger of a class's gaps in sensitivity and in false positive rate, averaged over classes; 0 is even.

    Both: (classes, groups, r). With one class it is fairlearn's `equalized_odds_difference`.
    """
    return np.asarray(np.maximum(gap(sensitivity), gap(false_positive_rate)).mean(0), np.float64)


def sum_of_gaps(values: Floats) -> Floats:
    """Sum over groups of |value|: of differences from the overall, the spread in the first form of equity scaling."""
    return np.asarray(np.abs(values).sum(-2), np.float64)


def sample_sd(values: Floats) -> Floats:
    """Sample standard deviation over the groups: the spread in the second form of equity scaling."""
    return np.asarray(values.std(-2, ddof=1), np.float64)


def equity_scaled(overall: Floats, groups: Floats, alpha: float = 1.0) -> Floats:
    """overall / (1 + alpha * sum over groups of |value - overall|): (r,) and (groups, r) -> (r,).

    It falls as groups are added, so never compare tables with different numbers of groups. Raises CutisError for
    percentages, which would shrink it a hundredfold. Source: FairSeg (Tian et al., arXiv 2311.02189v3), SAMed/utils.py
    of its code.
    """
    _refuse_percent(overall, groups)
    return overall / (1 + alpha * sum_of_gaps(groups - overall))


def equity_scaled_sd(overall: Floats, groups: Floats, alpha: float = 1.0) -> Floats:
    """overall / (1 + alpha * sample standard deviation over groups): the second form, of the same authors.

    Source: FairSeg's first version (arXiv 2311.02189v1) and fair_metrics.py in FairDomain's code. Raises CutisError for
    percentages.
    """
    _refuse_percent(overall, groups)
    return overall / (1 + alpha * sample_sd(groups))


def _refuse_percent(*values: Floats) -> None:
    most = max((float(np.nanmax(v)) for v in values if np.isfinite(v).any()), default=0.0)
    if most > 1 + 1e-9:
        raise CutisError(f"an equity-scaled metric was given {most:g}; expected shares in 0..1. Divide percent by 100.")


def spread_bounds(point: Floats, draws: Floats, spread: Spread = gap) -> tuple[Floats, Floats]:
    """How small and how large a spread of the truth may be, resample by resample.

    point: (..., groups, 1); draws: (..., groups, r). Returns two (..., r).
    """
    size, drift = spread(point), spread(draws - point)
    return np.maximum(size - drift, 0.0), size + drift


def ratio_bounds(point: Floats, draws: Floats) -> tuple[Floats, Floats]:
    """The same for `ratio`, which is a spread of logarithms; nothing bounds it from above where it is 0."""
    size = ratio(point)
    drift = ratio(np.divide(draws, point, out=np.where(np.isnan(draws), np.nan, 1.0), where=point > 0))
    over = np.divide(size, drift, out=np.ones(drift.shape), where=drift > 0)
    high = np.where(np.isnan(drift), np.nan, np.where(size > 0, np.minimum(over, 1.0), 1.0))
    return size * drift, high
