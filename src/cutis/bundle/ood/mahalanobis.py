"""Mahalanobis: the distance to the nearest class, in units of how far images of a class lie apart.

    s(x) = min_c (z - mu_c)^T S^-1 (z - mu_c)

z: features as the network gives them, not normalised. mu_c: mean of class c. S: one covariance for all classes, shrunk
(`Statistics.shared`). The paper perturbs the input and adds up several layers; here neither is done.
Source: Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks",
NeurIPS 2018.
"""

from __future__ import annotations

import numpy as np

from cutis.bundle.ood.statistics import Statistics


def mahalanobis(features: np.ndarray, known: Statistics) -> np.ndarray:
    """(n,) float64, squared distances from 0, of features (n, d)."""
    nearest: np.ndarray = known.within_classes.squared(features).min(1)
    return nearest
