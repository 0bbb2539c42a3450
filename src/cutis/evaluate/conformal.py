"""Answer sets that hold the truth as often as promised: split conformal prediction.

A score says how badly a class fits a row. Calibration rows give the scores of their true classes; the set of a new row
is every class whose score is at or below their quantile. Scores:

  * LAC: 1 - p_y (Sadinle, Lei & Wasserman, JASA 2019). The smallest sets; rows may be left with none.
  * APS: the probability of all classes ahead of y, and a random share u of its own (Romano, Sesia & Candes, NeurIPS
    2020).
  * RAPS: APS plus penalty * max(0, rank of y - free) (Angelopoulos et al., ICLR 2021). Fewer very large sets.

u is a number in 0..1 that the image_id alone decides, so that the same image always gets the same set.
One quantile a class holds the coverage for each class (Vovk, ACML 2012); one a group, for each group.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from cutis.evaluate.arrays import Bools, Floats, Ints
from cutis.schema.calibration import CLASS, Conformal, SetMethod


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


def chances(image_ids: Sequence[str]) -> Floats:
    """u of each image: a number in [0, 1) that looks random and depends on the id alone."""
    digests = [blake2b(i.encode(), digest_size=8, person=b"cutis sets").digest() for i in image_ids]
    return np.frombuffer(b"".join(digests), "<u8") / 2.0**64


def class_scores(p: Floats, u: Floats, method: SetMethod, *, penalty: float = 0.0, free: int = 0) -> Floats:
    """(n, classes): the score of each class in each row. p: (n, classes) probabilities. u: (n,), see `chances`."""
    if method == "lac":
        lac: Floats = 1.0 - p
        return lac
    order = np.argsort(-p, axis=1, kind="stable")
    ranked = np.take_along_axis(p, order, axis=1)
    ahead = np.cumsum(ranked, axis=1) - ranked
    scores = ahead + u[:, None] * ranked
    if method == "raps":
        scores = scores + penalty * np.maximum(0, np.arange(1, p.shape[1] + 1) - free)
    found = np.empty_like(scores)
    np.put_along_axis(found, order, scores, axis=1)
    return found


def fit_conformal(
    p: Floats,
    targets: Ints,
    image_ids: Sequence[str],
    codes: Sequence[str],
    *,
    coverage: float,
    unit: str,
    images: int,
    method: SetMethod = "lac",
    by: str = "",
    groups: Sequence[str | None] = (),
    penalty: float = 0.01,
    free: int = 2,
) -> Conformal | None:
    """The sets fitted on n calibration rows, one a unit; None if n is too small for the coverage.

    groups: (n,) values of column `by`, if it names one. images: how many labelled images the units have. A class or
    group with too few rows for a quantile of its own gets None: every class is let in there.
    """
    raps = {"penalty": penalty, "free": free} if method == "raps" else {}
    every = class_scores(p, chances(image_ids), method, **raps)  # type: ignore[arg-type]
    own = every[np.arange(len(targets)), targets]
    overall = conformal_quantile(own, coverage)
    if overall is None:
        return None
    quantiles: dict[str, float | None] = {"": overall}
    if by == CLASS:
        quantiles |= {code: conformal_quantile(own[targets == k], coverage) for k, code in enumerate(codes)}
    elif by:
        known = np.array([g or "" for g in groups])
        quantiles |= {g: conformal_quantile(own[known == g], coverage) for g in sorted(set(known.tolist()) - {""})}
    return Conformal(
        method=method,
        coverage=coverage,
        by=by,
        quantiles=quantiles,
        n=images,
        n_units=len(p),
        unit=unit,
        **raps,
    )


def answer_sets(
    p: Floats, image_ids: Sequence[str], codes: Sequence[str], rule: Conformal, groups: Sequence[str | None] = ()
) -> Bools:
    """(n, classes) bool: the classes of each row's set. groups: (n,) values of column `rule.by`, if it names one.

    A group that calibration didn't see, or an unknown one, gets the largest of the quantiles: it may only be covered
    more often than promised.
    """
    scores = class_scores(p, chances(image_ids), rule.method, penalty=rule.penalty, free=rule.free)
    limit = {key: np.inf if value is None else value for key, value in rule.quantiles.items()}
    if rule.by == CLASS:
        bound: Floats = np.array([limit.get(code, np.inf) for code in codes])[None, :]
    elif rule.by:
        largest = max(limit.values())
        asked = groups or [None] * len(p)
        bound = np.array([limit.get(g, largest) if g else largest for g in asked])[:, None]
    else:
        bound = np.array([[limit[""]]])
    member: Bools = scores <= bound
    return member
