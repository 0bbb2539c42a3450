"""Intrinsic dimension: in how many directions the data really varies, told from distances to near neighbours.

Levina & Bickel, NIPS 2004, averaged as MacKay & Ghahramani ("Comments on ...", 2005) correct it, T_j the distance to
the j-th neighbour:

    1 / m(x) = 1 / (k - 1) sum_{j < k} ln(T_k(x) / T_j(x)),   m = 1 / mean over x of 1 / m(x)

TwoNN (Facco et al., Scientific Reports 7, 2017, doi:10.1038/s41598-017-11873-y), mu = T_2 / T_1 in rising order and
F its empirical distribution, i / n:

    m = slope through 0 of -ln(1 - F(mu)) on ln(mu), the largest tenth of mu left out

Both take the data to be dense enough to look flat and even within a neighbourhood: in many dimensions they come out too
low. Images that are equal are one point: such rows count once. Intervals hold neighbours as they are and redraw whose
distances count.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from cutis.errors import CutisError
from cutis.evaluate.arrays import Bools, Floats, Ints
from cutis.evaluate.distance.rows import check_rows, neighbours
from cutis.evaluate.resampled import Resampling, estimated
from cutis.schema.estimate import Estimate

NEIGHBOURS = 20
KEPT = 0.9  # of TwoNN's ratios: the largest are the noisiest

_FLAT = "all neighbours are at one distance"


def levina_bickel(rows: ArrayLike, k: int = NEIGHBOURS, *, resampling: Resampling | None = None) -> Estimate:
    """Intrinsic dimension of (n, d) features or flattened images, of k neighbours each.

    Estimate.n: rows that differ. Raises CutisError for values that aren't finite, k below 2, or not above k such rows.
    """
    if k < 2:
        raise CutisError(f"intrinsic dimension: k is {k}; expected 2 or more neighbours, and 20 is usual.")
    far, kept = _distances(rows, k)
    inverse = np.log(far[:, -1:] / far[:, :-1]).mean(1)

    def statistic(w: Floats) -> Floats:
        mean = inverse @ w / w.sum(0)
        found: Floats = np.divide(1.0, mean, out=np.full(len(mean), np.nan), where=mean > 0)
        return found

    return estimated(statistic, kept, resampling, _FLAT)


def two_nn(rows: ArrayLike, *, resampling: Resampling | None = None) -> Estimate:
    """Intrinsic dimension of (n, d) features or flattened images, of two neighbours each.

    Estimate.n: rows that differ. Raises CutisError for values that aren't finite, or fewer than 3 such rows.
    """
    far, kept = _distances(rows, 2)
    x = np.log(far[:, 1] / far[:, 0])
    order: Ints = np.argsort(x, kind="stable")
    rising = x[order]

    def statistic(w: Floats) -> Floats:
        w = w[order]
        share = np.cumsum(w, 0) / w.sum(0)
        inside = share <= KEPT + 1e-12
        y = -np.log1p(-np.where(inside, share, 0))
        w = w * inside
        below = rising**2 @ w
        above = (rising[:, None] * y * w).sum(0)
        found: Floats = np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0)
        return found

    return estimated(statistic, kept, resampling, _FLAT)


def _distances(rows: ArrayLike, k: int) -> tuple[Floats, Bools]:
    """(m, k) distances of the rows that differ to their nearest others, and which rows these are."""
    values = check_rows(rows, "intrinsic dimension: the set", k + 1)
    first: Ints = np.sort(np.unique(values, axis=0, return_index=True)[1])
    if len(first) <= k:
        raise CutisError(
            f"intrinsic dimension: only {len(first)} of {len(values)} rows differ; with k {k} at least {k + 1} must."
        )
    kept = np.zeros(len(values), bool)
    kept[first] = True
    return neighbours(values[first], k)[0], kept
