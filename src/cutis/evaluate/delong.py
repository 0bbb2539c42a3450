"""DeLong's interval of an AUROC, for images that are independent of each other.

Source: DeLong, DeLong & Clarke-Pearson, Biometrics 44, 1988 (variance from the structural components), found by
sorting, n log n instead of cases x non-cases (the idea of Sun & Xu, IEEE Signal Processing Letters 21, 2014). The
interval is taken on the logit scale, which keeps it inside 0..1 and covers better near 1 (Pepe, "The Statistical
Evaluation of Medical Tests", 2003, section 5.2.5).
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from cutis.evaluate.arrays import Bools, Floats

FEWEST = 2  # cases, and non-cases: a variance needs two


def components(score: Floats, case: Bools) -> tuple[Floats, Floats]:
    """Share of non-cases that each case outranks, and of cases that outrank each non-case; ties count half.

    score, case: (n,), with a case and a non-case. The mean of either is the AUROC.
    """
    sick, well = score[case], score[~case]
    return _below(sick, well) / len(well), 1 - _below(well, sick) / len(sick)


def _below(score: Floats, others: Floats) -> Floats:
    """(n,) how many of `others` lie below each score; those that tie count half."""
    others = np.sort(others)
    both = np.searchsorted(others, score, "left") + np.searchsorted(others, score, "right")
    return np.asarray(both / 2, np.float64)


def delong_variance(score: Floats, case: Bools) -> tuple[float, float]:
    """(AUROC, its variance); score, case: (n,), with at least 2 cases and 2 non-cases; ties count half."""
    of_cases, of_others = components(score, case)
    variance = of_cases.var(ddof=1) / len(of_cases) + of_others.var(ddof=1) / len(of_others)
    return float(of_cases.mean()), float(variance)


def delong_interval(score: Floats, case: Bools, level: float) -> tuple[float, float] | None:
    """The interval at `level` (0..1); None where there is none: AUROC 0 or 1, constant scores, or under 2 of a kind."""
    if case.sum() < FEWEST or (~case).sum() < FEWEST:
        return None
    auroc, variance = delong_variance(score, case)
    if not 0 < auroc < 1 or variance <= 0:
        return None
    middle = np.log(auroc / (1 - auroc))
    reach = ndtri((1 + level) / 2) * np.sqrt(variance) / (auroc * (1 - auroc))
    low, high = 1 / (1 + np.exp(-np.array([middle - reach, middle + reach])))
    return float(low), float(high)
