"""Fitting and applying what makes probabilities mean what they say.

A class of which there is no image, or are very few, gives vector and isotonic scaling nothing but images on which it is
wrong, so that they push it down until it is never answered. Such a class is left alone (`Calibrator.alone`).
"""

from __future__ import annotations

import math

import numpy as np

from cutis.evaluate.arrays import Floats, Ints
from cutis.schema.calibration import Calibrator, CalibratorMethod

_LOG_T = math.log(20.0)  # temperatures are sought in 1/20..20
_RIDGE = 1e-4  # pulls a vector towards the temperature: a class that is never confused would run to infinity
_LEAST = 1e-6  # an isotonic 0 would be certainty
LEAST_UNITS = 10  # of a class, for a scale, bias or line of its own


def softmax(logits: np.ndarray, temperature: float = 1.0) -> Floats:
    """Probabilities, (n, classes) float64, of `logits` / `temperature`."""
    z = logits.astype(np.float64) / temperature
    z -= z.max(1, keepdims=True)
    e = np.exp(z)
    p: Floats = e / e.sum(1, keepdims=True)
    return p


def apply(calibrator: Calibrator, logits: np.ndarray) -> Floats:
    """(n, classes) logits -> probabilities whose rows sum to one."""
    if calibrator.method == "temperature":
        return softmax(logits, calibrator.temperature)
    if not calibrator.alone:
        return _scaled(calibrator, logits, np.arange(logits.shape[1]))
    p = softmax(logits, calibrator.temperature)
    others = np.setdiff1d(np.arange(logits.shape[1]), calibrator.alone)
    p[:, others] = p[:, others].sum(1, keepdims=True) * _scaled(calibrator, logits[:, others], others)
    return p


def _scaled(calibrator: Calibrator, logits: np.ndarray, classes: Ints) -> Floats:
    """Probabilities among `classes`, whose (n, len(classes)) logits these are."""
    if calibrator.method == "vector":
        return softmax(logits * np.array(calibrator.scale)[classes] + np.array(calibrator.bias)[classes])
    p = softmax(logits)
    columns = [np.interp(p[:, i], *calibrator.knots[k]) for i, k in enumerate(classes)]
    raised = np.maximum(np.stack(columns, axis=1), _LEAST)
    found: Floats = raised / raised.sum(1, keepdims=True)
    return found


def fit(
    method: CalibratorMethod,
    logits: np.ndarray,
    targets: Ints,
    weights: Floats | None = None,
    units: Ints | None = None,
) -> Calibrator | None:
    """The calibrator of that kind with the smallest weighted negative log-likelihood (isotonic: squared error).

    logits: (n, classes). targets: (n,) class numbers. weights: (n,); 1/(images of the unit) lets each unit count once.
    units: (n,) which unit each row is of; None: each its own. Classes of fewer than `LEAST_UNITS` are left alone by
    vector and isotonic scaling. None if there is no best one: no rows, fewer than two classes that are not left alone,
    or no best temperature (see `fit_temperature`).
    """
    weights = np.ones(len(logits)) if weights is None else weights
    temperature = fit_temperature(logits, targets, weights)
    if method == "temperature":
        return None if temperature is None else Calibrator(temperature=temperature)
    counted = np.arange(len(targets)) if units is None else units
    enough = [len(np.unique(counted[targets == k])) >= LEAST_UNITS for k in range(logits.shape[1])]
    own, alone = np.flatnonzero(enough), np.flatnonzero(~np.array(enough, bool))
    if len(own) < 2:
        return None
    rows = np.isin(targets, own)
    z, t, w = logits[rows][:, own], np.searchsorted(own, targets[rows]), weights[rows]
    found = _fit_isotonic(z, t, w) if method == "isotonic" else _fit_vector(z, t, w, temperature or 1.0)
    return _with_alone(found, own, alone, temperature or 1.0) if len(alone) else found


def _with_alone(found: Calibrator, own: Ints, alone: Ints, temperature: float) -> Calibrator:
    """A calibrator that was fitted for the classes `own`, for these and those left alone."""
    classes = len(own) + len(alone)
    place = {int(k): i for i, k in enumerate(own)}
    empty = ((0.0, 1.0), (0.0, 1.0))
    return Calibrator(
        method=found.method,
        temperature=temperature,
        alone=tuple(alone.tolist()),
        scale=tuple(found.scale[place[k]] if k in place else 1 / temperature for k in range(classes))
        if found.scale
        else (),
        bias=tuple(found.bias[place[k]] if k in place else 0.0 for k in range(classes)) if found.bias else (),
        knots=tuple(found.knots[place[k]] if k in place else empty for k in range(classes)) if found.knots else (),
    )


def fit_temperature(logits: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None) -> float | None:
    """The temperature that makes the weighted mean negative log-likelihood smallest; None if it has no minimum.

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


def _fit_vector(logits: np.ndarray, targets: Ints, weights: Floats, temperature: float) -> Calibrator:
    from scipy.optimize import minimize

    z = logits.astype(np.float64)
    n, k = z.shape
    share = weights / weights.sum()
    truth = np.zeros((n, k))
    truth[np.arange(n), targets] = 1.0
    start = np.concatenate([np.full(k, 1 / temperature), np.zeros(k)])

    def loss(theta: Floats) -> tuple[float, Floats]:
        p = softmax(z * theta[:k] + theta[k:])
        gap = share[:, None] * (p - truth)
        away = theta - start
        value = -float(share @ np.log(np.maximum(p[np.arange(n), targets], 1e-300))) + _RIDGE * float(away @ away)
        return value, np.concatenate([(gap * z).sum(0), gap.sum(0)]) + 2 * _RIDGE * away

    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    return Calibrator(method="vector", scale=tuple(found[:k].tolist()), bias=tuple(found[k:].tolist()))


def _fit_isotonic(logits: np.ndarray, targets: Ints, weights: Floats) -> Calibrator:
    from sklearn.isotonic import IsotonicRegression

    p = softmax(logits)
    knots = []
    for k in range(p.shape[1]):
        line = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
        line.fit(p[:, k], (targets == k).astype(float), sample_weight=weights)
        knots.append((tuple(line.X_thresholds_.tolist()), tuple(line.y_thresholds_.tolist())))
    return Calibrator(method="isotonic", knots=tuple(knots))
