"""MaxLogit: the largest logit, which softmax would have hidden behind the others.

    s(x) = - max_c f_c(x)

f: the network's own logits, before calibration.
Source: Hendrycks et al., "Scaling Out-of-Distribution Detection for Real-World Settings", ICML 2022.
"""

from __future__ import annotations

import numpy as np


def maxlogit(logits: np.ndarray) -> np.ndarray:
    """(n,) float64, any sign, of logits (n, classes)."""
    score: np.ndarray = -logits.max(1).astype(np.float64)
    return score
