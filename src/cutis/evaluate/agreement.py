"""Agreement between readers, each statistic as an `Estimate` with a bootstrap interval over items.

Ratings are an (items, raters) table; None and NaN are "not rated". Sources:
  * Cohen's kappa: Cohen, Educ. Psychol. Meas. 20, 1960; weighted: Cohen, Psychol. Bull. 70, 1968.
    kappa = 1 - sum(w O) / sum(w E), with O the table of both raters, E = row sums x column sums / n, and w the
    disagreement: 1 off the diagonal, |i - j| (linear) or (i - j)^2 (quadratic).
  * Fleiss' kappa: Fleiss, Psychol. Bull. 76, 1971. kappa = (P - Pe) / (1 - Pe), P the mean share of an item's pairs
    that agree, Pe = sum of squared shares of the categories.
  * Krippendorff's alpha: Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011.
    alpha = 1 - (n - 1) sum(o_ck d_ck) / sum(n_c n_k d_ck), o the coincidences of values within items.

All sums are linear in the items, so a resample is a column of weights and one set of draws serves (see `bootstrap`).
The interval of alpha is by drawing items, not Krippendorff's own scheme of drawing pairs of values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cutis.errors import CutisError, nearest
from cutis.evaluate.arrays import Bools, Floats, Ints
from cutis.evaluate.resampled import Resampling, Statistic, estimated, missing
from cutis.schema.estimate import Estimate

Weights = Literal["none", "linear", "quadratic"]
Level = Literal["nominal", "ordinal", "interval", "ratio"]


def cohen_kappa(
    first: ArrayLike,
    second: ArrayLike,
    *,
    weights: Weights = "none",
    categories: Sequence[Any] | None = None,
    resampling: Resampling | None = None,
) -> Estimate:
    """Cohen's kappa of two raters over the items that both rated; 1 is perfect, 0 is chance.

    first, second: (items,). weights: what a disagreement costs, by the distance of categories in their order.
    categories: all of them in order, where words have one or where nobody used some. Without them numbers are as far
    apart as they are: of grades 0, 1 and 3, where nobody gave 2, 1 and 3 are two apart.
    Not estimable if both raters used one and the same category throughout. Raises CutisError for unknown weights or
    categories, unequal lengths, and weights on words without `categories`.
    """
    if weights not in ("none", "linear", "quadratic"):
        raise CutisError(f'kappa: weights "{weights}": {nearest(weights, ("none", "linear", "quadratic"))}')
    coded, values = _coded(_two(first, second), categories, ordered=weights != "none")
    both = (coded >= 0).all(1)
    table, k = coded[both], len(values)
    places = np.arange(k) if categories is not None or weights == "none" else np.array(values, float)
    distance = np.abs(np.subtract.outer(places, places)).astype(float)
    cost = distance**2 if weights == "quadratic" else distance if weights == "linear" else (distance > 0).astype(float)

    def statistic(w: Floats) -> Floats:
        seen = _totals(table[:, 0] * k + table[:, 1], w, k * k).reshape(k, k, -1)
        rows, columns = seen.sum(1), seen.sum(0)
        expected = np.einsum("ir,jr,ij->r", rows, columns, cost) / w.sum(0)
        return 1 - _ratio(np.einsum("ijr,ij->r", seen, cost), expected)

    return _estimate(statistic, both, resampling, "both raters used one category only, so chance explains everything")


def fleiss_kappa(ratings: ArrayLike, *, resampling: Resampling | None = None) -> Estimate:
    """Fleiss' kappa of (items, raters) categories, where each item has the same number of ratings, 2 or more.

    The raters need not be the same people. Not estimable where the number differs between items (Krippendorff's alpha
    is defined for that) or all ratings are one category.
    """
    coded, values = _coded(_table(ratings), None, ordered=False)
    per_item = (coded >= 0).sum(1)
    rated = per_item > 0
    m = int(per_item.max(initial=0))
    if len(set(per_item[rated].tolist())) > 1 or m == 1:
        why = f"items have {per_item[rated].min()} to {m} ratings; Fleiss' kappa needs the same number, 2 or more"
        return missing(f"{why} (use Krippendorff's alpha)", rated, resampling)
    table = coded[rated]
    counts = np.stack([(table == c).sum(1) for c in range(len(values))], 1).astype(float) if len(values) else table
    pairs = (counts * (counts - 1)).sum(1) / (m * (m - 1) if m else 1)

    def statistic(w: Floats) -> Floats:
        n = w.sum(0)
        shares = counts.T @ w / (n * m)
        chance = (shares**2).sum(0)
        return 1 - _ratio(1 - pairs @ w / n, 1 - chance)

    return _estimate(statistic, rated, resampling, "all ratings are one category, so chance explains everything")


def krippendorff_alpha(
    ratings: ArrayLike,
    *,
    level: Level = "nominal",
    categories: Sequence[Any] | None = None,
    resampling: Resampling | None = None,
) -> Estimate:
    """Krippendorff's alpha of (items, raters) values; 1 is perfect, 0 is chance. Any rating may be missing.

    level: what a value is: a name, a place in an order, a number whose differences count, or one with a true zero.
    categories: the order of words, for "ordinal". Items with one rating count for nothing. Not estimable if no item
    has two ratings or all values are equal. Raises CutisError for words at a level that needs numbers, and for
    negative numbers at "ratio".
    """
    levels = ("nominal", "ordinal", "interval", "ratio")
    if level not in levels:
        raise CutisError(f'alpha: level "{level}": {nearest(level, levels)}')
    coded, found = _coded(_table(ratings), categories, ordered=level != "nominal", numbers=level in levels[2:])
    paired = (coded >= 0).sum(1) > 1
    table, k = coded[paired], len(found)
    values = np.array(found, float) if level in levels[2:] else np.arange(k, dtype=float)
    if level == "ratio" and k and values.min() < 0:
        raise CutisError(f"alpha: {values.min():g} is negative; at level ratio zero means none. Use interval.")
    item, a, b, share = _pairs(table)
    total = values[:, None] + values
    spread = np.divide(values[:, None] - values, total, out=np.zeros((k, k)), where=total > 0) ** 2

    def statistic(w: Floats) -> Floats:
        n_c = np.zeros((k, w.shape[1]))
        for rater in table.T:
            held = rater >= 0
            n_c += _totals(rater[held], w[held], k)
        seen = w[item] * share[:, None]  # both orders of a pair
        n = n_c.sum(0)
        if level == "nominal":
            observed, expected = seen[a != b].sum(0), n**2 - (n_c**2).sum(0)
        elif level == "ratio":
            observed, expected = spread[a, b] @ seen, np.einsum("cr,kr,ck->r", n_c, n_c, spread)
        else:
            # The ordinal distance of c and k, the values ranked from one to the other, is that of their middle ranks.
            at = np.cumsum(n_c, 0) - n_c / 2 if level == "ordinal" else np.repeat(values[:, None], w.shape[1], 1)
            at = at - at.mean(0)
            observed = ((at[a] - at[b]) ** 2 * seen).sum(0)
            expected = 2 * (n * (n_c * at**2).sum(0) - (n_c * at).sum(0) ** 2)
        return 1 - (n - 1) * _ratio(observed, expected)

    return _estimate(statistic, paired, resampling, "all values are equal, so chance explains everything")


def agreement(ratings: ArrayLike, *, within: float | None = None, resampling: Resampling | None = None) -> Estimate:
    """Mean share of an item's pairs of ratings that agree, 0..1; items with fewer than two ratings are left out.

    within: None asks for the same answer (percent agreement); 1 also takes numbers that are one apart (off by one).
    Not corrected for chance. Raises CutisError for `within` on words.
    """
    coded, found = _coded(_table(ratings), None, ordered=False, numbers=within is not None)
    paired = (coded >= 0).sum(1) > 1
    item, a, b, _ = _pairs(coded[paired])
    values = np.array(found, float) if within is not None else np.arange(len(found), dtype=float)
    agree = np.abs(values[a] - values[b]) <= (within or 0.0) + 1e-9 if len(item) else np.zeros(0, bool)
    of_item = np.bincount(item, agree, int(paired.sum())) / np.maximum(np.bincount(item, minlength=paired.sum()), 1)
    return _estimate(lambda w: of_item @ w / w.sum(0), paired, resampling, "", share=True)


def correlation(first: ArrayLike, second: ArrayLike, *, resampling: Resampling | None = None) -> Estimate:
    """Pearson's correlation of two raters' numbers over the items that both rated.

    It is no agreement (a constant shift goes unseen), but what many papers print. Not estimable if one rater gave one
    number only. Raises CutisError for words.
    """
    coded, found = _coded(_two(first, second), None, ordered=True, numbers=True)
    both = (coded >= 0).all(1)
    values = np.array(found, float)
    x, y = values[coded[both]].T if len(found) else np.zeros((2, 0))
    x, y = x - x.mean() if len(x) else x, y - y.mean() if len(y) else y

    def statistic(w: Floats) -> Floats:
        n = w.sum(0)
        mx, my = x @ w / n, y @ w / n
        covariance = (x * y) @ w / n - mx * my
        variances = ((x * x) @ w / n - mx**2) * ((y * y) @ w / n - my**2)
        return _ratio(covariance, np.sqrt(np.maximum(variances, 0.0)))

    return _estimate(statistic, both, resampling, "a rater gave one number throughout")


def mean_difference(first: ArrayLike, second: ArrayLike, *, resampling: Resampling | None = None) -> Estimate:
    """Mean absolute difference of two raters' numbers over the items that both rated, in their unit; 0 is perfect.

    Raises CutisError for words.
    """
    coded, found = _coded(_two(first, second), None, ordered=True, numbers=True)
    both = (coded >= 0).all(1)
    values = np.array(found, float)
    apart = np.abs(np.subtract(*values[coded[both]].T)) if both.any() else np.zeros(0)
    return _estimate(lambda w: apart @ w / w.sum(0), both, resampling, "")


def _two(first: ArrayLike, second: ArrayLike) -> NDArray[Any]:
    a, b = np.asarray(first, object), np.asarray(second, object)
    if a.ndim != 1 or a.shape != b.shape:
        raise CutisError(f"two raters' answers have shapes {a.shape} and {b.shape}; expected one answer an item each.")
    return np.stack([a, b], 1)


def _table(ratings: ArrayLike) -> NDArray[Any]:
    table = np.asarray(ratings, object)
    if table.ndim != 2:
        raise CutisError(f"ratings of shape {table.shape}; expected (items, raters), with None where not rated.")
    return table


def _coded(
    table: NDArray[Any], categories: Sequence[Any] | None, *, ordered: bool, numbers: bool = False
) -> tuple[Ints, list[Any]]:
    """Values as places in `categories` (else in the sorted values found), -1 where not rated; and those values."""
    rated = np.array([[v is not None and v == v for v in row] for row in table], bool).reshape(table.shape)
    found = set(table[rated].tolist())
    words = any(isinstance(v, str) for v in found)
    if words and (numbers or (ordered and categories is None)):
        word = next(v for v in found if isinstance(v, str))
        remedy = "Give numbers." if numbers else "Say their order with categories."
        raise CutisError(f'ratings hold the word "{word}", whose place is not known. {remedy}')
    values = list(categories) if categories is not None else sorted(found, key=str if words else None)
    place = {v: i for i, v in enumerate(values)}
    stray = next((v for v in found if v not in place), None)
    if stray is not None:
        raise CutisError(f'rating "{stray}": {nearest(stray, map(str, values))}')
    coded = np.full(table.shape, -1, np.int64)
    coded[rated] = [place[v] for v in table[rated].tolist()]
    return coded, values


def _pairs(table: Ints) -> tuple[Ints, Ints, Ints, Floats]:
    """Every pair of ratings of an item: item, both codes, and 2 / (ratings of the item - 1)."""
    m = (table >= 0).sum(1)

    def each() -> Iterator[tuple[Ints, Ints, Ints]]:
        for i, j in combinations(range(table.shape[1]), 2):
            item = np.flatnonzero((table[:, i] >= 0) & (table[:, j] >= 0))
            yield item, table[item, i], table[item, j]

    none = np.zeros(0, np.int64)
    item, a, b = (np.concatenate(c) for c in zip((none, none, none), *each(), strict=True))
    return item, a, b, 2.0 / np.maximum(m[item] - 1, 1)


def _totals(code: Ints, w: Floats, k: int) -> Floats:
    """(k, r) sums of the weights of each code."""
    from scipy.sparse import coo_array

    here = coo_array((np.ones(len(code)), (code, np.arange(len(code)))), shape=(k, len(code)))
    totals: Floats = here.tocsr() @ w
    return totals


def _ratio(above: Floats, below: Floats) -> Floats:
    """above / below; NaN where nothing is below (up to rounding)."""
    ratio: Floats = np.divide(above, below, out=np.full(np.shape(below), np.nan), where=np.abs(below) > 1e-12)
    return ratio


def _estimate(
    statistic: Statistic, rated: Bools, resampling: Resampling | None, degenerate: str, *, share: bool = False
) -> Estimate:
    return estimated(statistic, rated, resampling, degenerate, kind="with two ratings", share=share)
