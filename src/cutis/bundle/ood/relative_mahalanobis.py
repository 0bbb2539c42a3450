"""Relative Mahalanobis: how much further from the nearest class than from the training images as a whole.

    s(x) = min_c (z - mu_c)^T S^-1 (z - mu_c)  -  (z - mu_0)^T S_0^-1 (z - mu_0)

mu_0, S_0: mean and covariance of all training images; the rest as in `mahalanobis`. Directions in which all images
vary, whatever their class, cancel; so it is for unknown classes (near), and can miss what is wholly strange. Both
covariances are shrunk by the same share.
Source: Ren et al., "A Simple Fix to Mahalanobis Distance for Improving Near-OOD Detection", 2021 (arXiv 2106.09022).
"""

from __future__ import annotations

import numpy as np

from cutis.bundle.ood.mahalanobis import mahalanobis
from cutis.bundle.ood.statistics import Statistics


def relative_mahalanobis(features: np.ndarray, known: Statistics) -> np.ndarray:
    """(n,) float64, any sign, of features (n, d)."""
    found: np.ndarray = mahalanobis(features, known) - known.of_all.squared(features)[:, 0]
    return found
