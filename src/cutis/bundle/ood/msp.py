"""MSP: how far the largest softmax probability is from certainty.

    s(x) = 1 - max_c softmax(f(x))_c

f: the network's own logits, before calibration, so that the score doesn't change when a bundle is calibrated anew.
Source: Hendrycks & Gimpel, "A Baseline for Detecting Misclassified and Out-of-Distribution Examples in Neural
Networks", ICLR 2017.
"""

from __future__ import annotations

import numpy as np


def msp(logits: np.ndarray) -> np.ndarray:
    """(n,) float64 in 0..1 of logits (n, classes); it keeps its digits where the probability is nearly 1."""
    f = logits.astype(np.float64)
    score: np.ndarray = -np.expm1(f.max(1) - np.logaddexp.reduce(f, axis=1))
    return score
