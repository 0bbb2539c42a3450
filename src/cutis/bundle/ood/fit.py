"""Fitting what the scores know, from features, logits and classes of training images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.linalg import lstsq

from cutis.bundle.ood.knn import normalise_rows
from cutis.bundle.ood.statistics import Statistics

LEAST_SHRINKAGE = 1e-6  # so that a direction in which nothing varied divides by something
AFFINE = 0.01  # of the logits' spread: what an affine head may leave unexplained
_NOISE = 1e-6  # of the largest: singular values below are rounding, as features are float32


def fit_statistics(
    features: np.ndarray, logits: np.ndarray, targets: np.ndarray, bank: np.ndarray, classes: int
) -> tuple[Statistics, list[str]]:
    """The statistics, and one sentence for each score that they don't allow.

    features (n, d), logits (n, classes): of n training images, as the network gives them. targets: (n,) class numbers,
    -1 for those without. bank: (m, d) features that k-NN compares with, of any length.
    """
    known = Statistics(features=normalise_rows(bank) if len(bank) else None)
    labelled = targets >= 0
    z, f = features[labelled].astype(np.float64), logits[labelled].astype(np.float64)
    counts = np.bincount(targets[labelled], minlength=classes)
    sums = np.zeros((classes, features.shape[1]))
    np.add.at(sums, targets[labelled], z)
    means = sums / np.maximum(counts, 1)[:, None]
    within = z - means[targets[labelled]]
    covariance = within.T @ within / max(len(z), 1)
    if len(z) <= np.count_nonzero(counts) or np.trace(covariance) <= 0:
        return known, [f"No Mahalanobis scores and no ViM: {len(z)} labelled training images don't vary in a class."]
    shrinkage = max(ledoit_wolf(within, covariance), LEAST_SHRINKAGE)
    known = replace(known, counts=counts, means=means, covariance=covariance, shrinkage=np.array([shrinkage]))
    return _with_vim(known, z, f)


def ledoit_wolf(centred: np.ndarray, covariance: np.ndarray) -> float:
    """The share (0..1) of tr(S)/d I to put in the place of S = centred^T centred / n that is best in mean square.

    Source: Ledoit & Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", Journal of
    Multivariate Analysis 88, 2004, lemmas 3.2-3.4.
    """
    n, d = centred.shape
    middle = np.trace(covariance) / d
    dispersion = ((covariance - middle * np.eye(d)) ** 2).sum() / d
    if dispersion <= 0:
        return 0.0
    fourth = ((centred**2).sum(1) ** 2).mean()
    error = (fourth - (covariance**2).sum()) / (n * d)
    return float(min(max(error, 0.0), dispersion) / dispersion)


def head(features: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """W (c, d), b (c,) with logits = W z + b as nearly as can be, and the share of the logits' spread left over.

    The least squares of a linear head are the head itself, on the directions in which features vary; on the others W is
    zero.
    """
    z, f = features.mean(0), logits.mean(0)
    found = lstsq(features - z, logits - f, cond=_NOISE, lapack_driver="gelsy")[0]
    spread = np.linalg.norm(logits - f)
    left = np.linalg.norm((features - z) @ found - (logits - f))
    return found.T, f - z @ found, float(left / spread) if spread > 0 else 0.0


def _with_vim(known: Statistics, features: np.ndarray, logits: np.ndarray) -> tuple[Statistics, list[str]]:
    weights, bias, left = head(features, logits)
    if left > AFFINE:
        return known, [f"No ViM: the logits are not a linear function of the features ({left:.0%} is left over)."]
    known = replace(known, origin=-np.linalg.pinv(weights) @ bias)
    values = known.about_origin[0]
    rank = int((values > _NOISE**2 * values[-1]).sum())
    if rank < 2:
        return replace(known, origin=None), ["No ViM: the features vary in one direction only."]
    principal = replace(known, kept=np.array([rank // 2]))
    alpha = logits.max(1).mean() / principal.residual(features).mean()
    if not 0 < alpha < np.inf:
        return replace(known, origin=None), ["No ViM: the largest logits of training images are negative on average."]
    return replace(principal, alpha=np.array([alpha])), []
