"""Energy: how little all logits together claim.

    s(x) = -T log sum_c exp(f_c(x) / T)

f: the network's own logits, before calibration. T: a temperature; the paper recommends 1.
Source: Liu, Wang, Owens & Li, "Energy-based Out-of-distribution Detection", NeurIPS 2020.
"""

from __future__ import annotations

import numpy as np


def energy(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """(n,) float64, any sign, of logits (n, classes); temperature above 0."""
    score: np.ndarray = -temperature * np.logaddexp.reduce(logits.astype(np.float64) / temperature, axis=1)
    return score
