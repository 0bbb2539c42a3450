"""ViM: what features hold outside the space that training images span, as one more logit against the others.

    s(x) = alpha || R^T (z - o) ||  -  log sum_c exp(f_c(x))

z, f: features and logits as the network gives them. o = -pinv(W) b: where the head W z + b gives no logit. R: the
eigenvectors of the training images' second moments about o but for the leading ones. alpha: mean largest logit over
mean || R^T (z - o) ||, of training images.

The paper keeps 1000 leading eigenvectors of 2048 features and 512 of 768; here half of as many as there are (the rank),
whatever the network. W and b are found from features and logits (`fit.py`), so no layer need be known.
Source: Wang, Li, Feng & Zhang, "ViM: Out-Of-Distribution with Virtual-logit Matching", CVPR 2022.
"""

from __future__ import annotations

import numpy as np

from cutis.bundle.ood.energy import energy
from cutis.bundle.ood.statistics import Statistics


def vim(logits: np.ndarray, features: np.ndarray, known: Statistics) -> np.ndarray:
    """(n,) float64, any sign, of logits (n, classes) and features (n, d)."""
    score: np.ndarray = known.given("alpha") * known.residual(features) + energy(logits)
    return score
