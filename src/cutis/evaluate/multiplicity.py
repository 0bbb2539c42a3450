"""Many tests at once: p-values of differences, and their adjustment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cutis.evaluate.arrays import Floats


def p_value(difference: float, draws: Floats, degrees: int) -> float | None:
    """Two-sided p of "no difference": difference / its bootstrap standard error, against Student's t.

    draws: resamples of the difference, by units; those without a value are left out. degrees: units less 2. None if the
    resamples don't vary. It has no floor at 1 / resamples, as counting resamples has, so it can be adjusted for many
    tests. Source: Cameron, Gelbach & Miller, Review of Economics and Statistics 90, 2008, section III (bootstrap-se).
    """
    from scipy.stats import t

    known = draws[np.isfinite(draws)]
    error = float(known.std(ddof=1)) if len(known) > 1 else 0.0
    return float(2 * t.sf(abs(difference) / error, max(degrees, 1))) if error > 1e-12 else None


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p-values that keep the chance of any false finding at the level (Holm, Scand. J. Statist. 6, 1979)."""
    order = np.argsort(p, kind="stable")
    scaled = np.asarray(p, np.float64)[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return [float(v) for v in adjusted]


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """Adjusted p-values that keep the expected share of false findings (Benjamini & Hochberg, JRSS B 57, 1995)."""
    from scipy.stats import false_discovery_control

    return [float(v) for v in false_discovery_control(p)] if len(p) else []
