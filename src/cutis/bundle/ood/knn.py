"""k-NN: the distance to the k-th nearest training image, among features of length one.

    s(x) = || z/|z| - (z/|z|)_(k) ||

z: features; (k): the k-th nearest of the stored ones. Nothing is assumed of how features are distributed.
Source: Sun et al., "Out-of-Distribution Detection with Deep Nearest Neighbors", ICML 2022.
"""

from __future__ import annotations

import numpy as np


def normalise_rows(features: np.ndarray) -> np.ndarray:
    """Rows of unit length, float32 (a row of zeros stays zero)."""
    features = features.astype(np.float32)
    length: np.ndarray = np.linalg.norm(features, axis=1, keepdims=True)
    unit: np.ndarray = features / np.maximum(length, 1e-12)
    return unit


def knn_distance(features: np.ndarray, bank: np.ndarray, k: int, block: int = 512) -> np.ndarray:
    """Euclidean distance (0..2) of each row of `features` to its k-th nearest in `bank`, both L2-normalised; float64.

    bank: (m, d) float32 of unit rows, m >= k. |a - b|^2 = 2 - 2 a.b, by blocks of rows.
    """
    rows = normalise_rows(features)
    found = np.empty(len(rows), np.float64)
    for i in range(0, len(rows), block):
        similar = rows[i : i + block] @ bank.T
        kth = np.partition(similar, similar.shape[1] - k, axis=1)[:, similar.shape[1] - k]
        found[i : i + block] = np.sqrt(np.maximum(2 - 2 * kth.astype(np.float64), 0))
    return found
