"""Frechet distance between the Gaussians that fit two sets of features.

    d2 = |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))

Sources: Dowson & Landau, J. Multivariate Analysis 12, 1982 (the formula); Heusel et al., NeurIPS 2017 (of Inception's
2048 pooled features it is FID); Konz et al., Medical Image Analysis 2026, arXiv:2412.01496 (of radiomics scaled by the
first set it is FRD; on `cutis.image.appearance` it is in that spirit, not that number). Being made of estimated
covariances it is biased: it grows as images get fewer, so compare distances of equal n only, against the distance
between two halves of one set; or use KID (`kernel`), which has no bias.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from cutis.errors import CutisError
from cutis.evaluate.arrays import Floats
from cutis.evaluate.distance.rows import check_alike, check_rows


def frechet_distance(a: ArrayLike, b: ArrayLike) -> float:
    """Squared Frechet distance, as FID is given, of features a (n, d) and b (m, d); 0 for equal sets.

    Covariances divide by n - 1. Raises CutisError for values that aren't finite, other columns, or n or m not above d:
    then a covariance has directions that nothing was seen of.
    """
    one, two = check_rows(a, "the first set", 2), check_rows(b, "the second set", 2)
    check_alike(one, two)
    d = one.shape[1]
    for rows, what in ((one, "first"), (two, "second")):
        if len(rows) <= d:
            raise CutisError(
                f"the {what} set has {len(rows)} rows of {d} columns; a Frechet distance needs more rows than columns. "
                "Use KID, which does not."
            )
    s1, s2 = np.cov(one.T).reshape(d, d), np.cov(two.T).reshape(d, d)
    shift = one.mean(0) - two.mean(0)
    # tr (S1 S2)^(1/2) = tr (R S2 R)^(1/2) with R = S1^(1/2): symmetric, so its roots are real and can't fail.
    values, vectors = np.linalg.eigh(s1)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    overlap = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ s2 @ root), 0)).sum()
    return float(max(shift @ shift + np.trace(s1) + np.trace(s2) - 2 * overlap, 0.0))


def standardised(a: ArrayLike, b: ArrayLike) -> tuple[Floats, Floats]:
    """Both sets in units of the first one's mean and standard deviation, column by column.

    So features of different units weigh alike; the distance is then not symmetric. Raises CutisError as
    `frechet_distance`, and for a column that is constant in the first set.
    """
    one, two = check_rows(a, "the first set", 2), check_rows(b, "the second set", 1)
    check_alike(one, two)
    middle, spread = one.mean(0), one.std(0)
    flat = spread <= 1e-12 * np.maximum(np.abs(middle), 1)
    if flat.any():
        raise CutisError(
            f"the first set: column {int(flat.argmax()) + 1} is constant, so it can't be scaled by its spread; drop it."
        )
    return (one - middle) / spread, (two - middle) / spread
