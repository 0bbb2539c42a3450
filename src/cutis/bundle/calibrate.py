"""How strange an image is, and thresholds on p(malignant): what a bundle fits beside its calibrator and sets."""

from __future__ import annotations

import math

import numpy as np

from cutis.bundle.card import OperatingPoint


def normalise_rows(features: np.ndarray) -> np.ndarray:
    """Rows of unit length, float32 (a row of zeros stays zero)."""
    features = features.astype(np.float32)
    length: np.ndarray = np.linalg.norm(features, axis=1, keepdims=True)
    unit: np.ndarray = features / np.maximum(length, 1e-12)
    return unit


def knn_distance(features: np.ndarray, bank: np.ndarray, k: int, block: int = 512) -> np.ndarray:
    """Euclidean distance (0..2) of each row of `features` to its k-th nearest in `bank`, both L2-normalised; float64.

    bank: (m, d) float32 of unit rows, m >= k. |a - b|^2 = 2 - 2 a.b, by blocks of rows.
    Source: Sun et al., "Out-of-distribution detection with deep nearest neighbors", ICML 2022.
    """
    rows = normalise_rows(features)
    found = np.empty(len(rows), np.float64)
    for i in range(0, len(rows), block):
        similar = rows[i : i + block] @ bank.T
        kth = np.partition(similar, similar.shape[1] - k, axis=1)[:, similar.shape[1] - k]
        found[i : i + block] = np.sqrt(np.maximum(2 - 2 * kth.astype(np.float64), 0))
    return found


def operating_point(p_malignant: np.ndarray, malignant: np.ndarray, sensitivity: float) -> OperatingPoint:
    """The highest threshold on p(malignant) that still flags at least `sensitivity` of the malignant rows (>= 1 each).

    p_malignant, malignant: (n,) numbers and booleans. A row is flagged at p >= threshold.
    """
    positive = np.sort(p_malignant[malignant])[::-1]
    threshold = float(positive[math.ceil(round(sensitivity * len(positive), 9)) - 1])
    return OperatingPoint(
        name=f"sensitivity {sensitivity:.2f}",
        threshold=threshold,
        sensitivity=float((positive >= threshold).mean()),
        specificity=float((p_malignant[~malignant] < threshold).mean()),
        n=len(p_malignant),
    )
