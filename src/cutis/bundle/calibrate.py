"""What a bundle learns from validation: temperature, conformal quantile, strangeness threshold, operating points."""

from __future__ import annotations

import math

import numpy as np

from cutis.bundle.card import OperatingPoint

_LOG_T = math.log(20.0)  # temperatures are sought in 1/20..20


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Probabilities, (n, classes) float64, of `logits` / `temperature`."""
    z = logits.astype(np.float64) / temperature
    z -= z.max(1, keepdims=True)
    e = np.exp(z)
    p: np.ndarray = e / e.sum(1, keepdims=True)
    return p


def fit_temperature(logits: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None) -> float | None:
    """The temperature that makes the weighted mean negative log-likelihood smallest; None if it has no minimum.

    logits: (n, classes). targets: (n,) class numbers. weights: (n,), 1/(images of the unit) lets each unit count once.
    There is no minimum if every answer is right (the sharper the better) or all are no better than chance.
    Source: Guo et al., "On calibration of modern neural networks", ICML 2017, section 4.2.
    """
    from scipy.optimize import minimize_scalar

    if len(logits) == 0 or logits.shape[1] < 2:
        return None
    weights = np.ones(len(logits)) if weights is None else weights
    rows = np.arange(len(targets))

    def loss(log_t: float) -> float:
        z = logits.astype(np.float64) / math.exp(log_t)
        z -= z.max(1, keepdims=True)
        nll = np.log(np.exp(z).sum(1)) - z[rows, targets]
        return float(np.average(nll, weights=weights))

    best = float(minimize_scalar(loss, bounds=(-_LOG_T, _LOG_T), method="bounded", options={"xatol": 1e-6}).x)
    return None if abs(best) > _LOG_T - 1e-2 else math.exp(best)


def conformal_quantile(scores: np.ndarray, coverage: float) -> float | None:
    """The ceil((n + 1) * coverage)-th smallest score; None if n is too small for that coverage (n < 1/(1-coverage) -
    1).

    Scores that are exchangeable with a new one leave it at or below the quantile with probability >= coverage; the
    coverage over repeats is Beta(n + 1 - l, l), l = floor((n + 1)(1 - coverage)).
    Source: Vovk et al., "Algorithmic learning in a random world"; Lei et al., JASA 2018, equation 2.
    """
    # 0.9 * 10 is not 9 in binary for every coverage: without the rounding a whole rank is lost now and then.
    rank = math.ceil(round((len(scores) + 1) * coverage, 9))
    if rank > len(scores) or rank < 1:
        return None
    return float(np.sort(scores)[rank - 1])


def lac_scores(p: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """1 - p of the true class. Source: Sadinle, Lei & Wasserman, JASA 2019."""
    scores: np.ndarray = 1 - p[np.arange(len(targets)), targets]
    return scores


def lac_sets(p: np.ndarray, quantile: float) -> np.ndarray:
    """(n, classes) bool: the classes whose score is at or below the quantile. A row may be empty."""
    member: np.ndarray = (1 - p) <= quantile
    return member


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
