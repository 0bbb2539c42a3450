"""Thresholds on p(malignant): what a bundle fits beside its calibrator and sets."""

from __future__ import annotations

import math

import numpy as np

from cutis.bundle.card import OperatingPoint


def operating_point(
    p_malignant: np.ndarray, malignant: np.ndarray, sensitivity: float, n_units: int | None = None
) -> OperatingPoint:
    """The highest threshold on p(malignant) that still flags at least `sensitivity` of the malignant rows (>= 1 each).

    p_malignant, malignant: (n,) numbers and booleans. A row is flagged at p >= threshold. n_units: how many units they
    are of.
    """
    positive = np.sort(p_malignant[malignant])[::-1]
    threshold = float(positive[math.ceil(round(sensitivity * len(positive), 9)) - 1])
    return OperatingPoint(
        name=f"sensitivity {sensitivity:.2f}",
        threshold=threshold,
        sensitivity=float((positive >= threshold).mean()),
        specificity=float((p_malignant[~malignant] < threshold).mean()),
        n=len(p_malignant),
        n_units=n_units,
    )
