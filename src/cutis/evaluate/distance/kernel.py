"""KID, kernel inception distance: the unbiased squared maximum mean discrepancy with a cubic kernel.

    k(x, y) = (x.y / d + 1)^3
    MMD2 = sum_{i != j} k(x_i, x_j) / (n (n - 1)) + sum_{i != j} k(y_i, y_j) / (m (m - 1)) - 2 sum k(x_i, y_j) / (n m)

Sources: Binkowski et al., "Demystifying MMD GANs", ICLR 2018, arXiv:1801.01401; Gretton et al., JMLR 13, 2012, lemma 6.
KID is its mean over random subsets. It has no bias, so sets of different n can be compared, and it may be below 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cutis.errors import CutisError
from cutis.evaluate.arrays import Floats
from cutis.evaluate.distance.rows import check_alike, check_rows

SUBSETS = 100
MOST = 1000  # rows of a subset


@dataclass(frozen=True)
class Kid:
    """value: mean over `subsets` subsets of `size` rows of each set. deviation: among them; they share rows, so it says
    how much `size` rows vary, and is no standard error of `value`. n_a, n_b: rows that there were."""

    value: float
    deviation: float
    subsets: int
    size: int
    n_a: int
    n_b: int


def kid(
    a: ArrayLike, b: ArrayLike, rng: np.random.Generator, *, subsets: int = SUBSETS, size: int | None = None
) -> Kid:
    """KID of features a (n, d) and b (m, d).

    rng: draws the subsets, without replacement. size: None is half of the smaller set, at most 1000.
    Raises CutisError for values that aren't finite, other columns, fewer than 4 rows, or a size that can't be.
    """
    one, two = check_rows(a, "the first set", 4), check_rows(b, "the second set", 4)
    check_alike(one, two)
    smaller = min(len(one), len(two))
    size = min(MOST, smaller // 2) if size is None else size
    if not 2 <= size <= smaller:
        raise CutisError(f"KID: subsets of {size} rows of sets of {len(one)} and {len(two)}; expected 2..{smaller}.")
    if subsets < 1:
        raise CutisError(f"KID: {subsets} subsets; expected 1 or more, and 100 is usual.")
    found = [
        squared_mmd(one[rng.choice(len(one), size, replace=False)], two[rng.choice(len(two), size, replace=False)])
        for _ in range(subsets)
    ]
    return Kid(float(np.mean(found)), float(np.std(found)), subsets, size, len(one), len(two))


def squared_mmd(a: Floats, b: Floats) -> float:
    """The unbiased estimate of all rows of a (n, d) and b (m, d), n and m from 2."""
    n, m, d = len(a), len(b), a.shape[1]
    own_a, own_b, between = ((x @ y.T / d + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    within_a = (own_a.sum() - np.trace(own_a)) / (n * (n - 1))
    within_b = (own_b.sum() - np.trace(own_b)) / (m * (m - 1))
    return float(within_a + within_b - 2 * between.mean())
