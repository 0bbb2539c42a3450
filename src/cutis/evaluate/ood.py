"""How well a score tells strange images from known ones: AUROC, AUPR and FPR95, with the positive side always said.

Higher scores mean stranger. "known": images in distribution; "strange": images out of it. Papers and libraries differ
on which of the two counts as positive, and AUPR and FPR95 depend on it, so both are measured and each is named:

* auroc: the chance that a strange image scores above a known one, ties counting half; the same for either positive.
* aupr_strange, aupr_known: average precision with that side positive (known images are ranked by minus the score). No
  interpolation, as scikit-learn's. By chance it is the positive side's share of the images, so it can't be compared
  between sets of other sizes.
* fpr95_known: known is positive. At the strictest threshold that still accepts 95 % of known images, the share of
  strange ones that is accepted too (Hendrycks & Gimpel 2017, Liang et al. 2018: "FPR at 95 % TPR").
* fpr95_strange: strange is positive. At the threshold that finds 95 % of strange images, the share of known ones that
  is refused with them (pytorch-ood's and others' choice).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cutis.errors import CutisError, nearest
from cutis.evaluate.arrays import Bools, Floats, Ints
from cutis.evaluate.bootstrap import check_resampling, exact_limit, multiplicities
from cutis.evaluate.delong import delong_interval
from cutis.evaluate.discrimination import RankBlock
from cutis.evaluate.numbers import FEWEST_FOR_INTERVAL, PLURALS, as_measured
from cutis.evaluate.quantities import Quantity
from cutis.evaluate.sample import renumber
from cutis.schema.estimate import Estimate

KNOWN, STRANGE = "known", "strange"
METRICS = ("auroc", "aupr_known", "fpr95_known", "aupr_strange", "fpr95_strange")
TPR = 0.95
_CHUNK = 2_000_000  # multiplicities held at once


def detection(
    known: Floats,
    strange: Floats,
    *,
    rng: np.random.Generator,
    known_units: Ints | None = None,
    strange_units: Ints | None = None,
    unit: str = "image",
    resamples: int = 1000,
    level: float = 0.95,
) -> dict[str, Estimate]:
    """Each of METRICS, by name, of the scores of known (n,) and strange (m,) images.

    known_units, strange_units: (n,) and (m,) labels of independent units, any whole numbers; None: every image is its
    own. unit: what they are called. Intervals: units of either side are drawn anew, each side from its own; AUROC's is
    DeLong's where every image is its own unit; a rate of 0 or 1 has its exact limit (Clopper-Pearson), the threshold
    taken as given. A side of fewer than 5 units gives "not estimable".

    Raises CutisError for scores that are not one finite number an image, or labels of another length.
    """
    check_resampling(resamples, 0, level)
    if unit not in PLURALS:
        raise CutisError(f'unit "{unit}": {nearest(unit, PLURALS)}')
    sides = {KNOWN: _finite(known, KNOWN), STRANGE: _finite(strange, STRANGE)}
    labels = {KNOWN: known_units, STRANGE: strange_units}
    units = {side: _units(labels[side], len(scores), side) for side, scores in sides.items()}
    counts = {side: int(u.max(initial=-1)) + 1 for side, u in units.items()}
    n, n_units = len(known) + len(strange), sum(counts.values())

    score = np.concatenate([sides[KNOWN], sides[STRANGE]])
    is_strange = np.arange(n) >= len(known)
    both = np.concatenate([units[KNOWN], units[STRANGE] + counts[KNOWN]])
    blocks = [
        RankBlock(-score, ~is_strange, both, n_units, None, (TPR,), ("average_precision",)),
        RankBlock(score, is_strange, both, n_units, None, (TPR,), ("average_precision",)),
    ]
    point = _values(blocks, np.ones((n_units, 1)))[:, 0] if min(counts.values()) else np.full(len(METRICS), np.nan)
    draws = _draws(blocks, counts, resamples, rng)
    needs = tuple((f"that are {side}", counts[side]) for side in (KNOWN, STRANGE))
    found = {}
    for i, name in enumerate(METRICS):
        quantity = Quantity(metric=name, n=n, n_units=n_units, needs=needs)
        if name == "auroc" and n_units == n:
            quantity = _by_delong(quantity, score, is_strange, level)
        elif name.startswith("fpr95") and point[i] in (0.0, 1.0):
            quantity = _exact(quantity, point[i], counts[STRANGE if name.endswith(KNOWN) else KNOWN], level)
        found[name] = as_measured(quantity, point[i], draws[i], unit, level, None, None).estimate
    return found


def _finite(scores: Floats, side: str) -> Floats:
    values = np.asarray(scores, np.float64)
    if values.ndim != 1:
        raise CutisError(f"scores of {side} images have shape {values.shape}; expected one number an image, (n,).")
    if not np.isfinite(values).all():
        at = int(np.flatnonzero(~np.isfinite(values))[0])
        raise CutisError(
            f"score {at} of the {side} images is {values[at]}; expected a finite number. Leave out images without one."
        )
    return values


def _units(labels: Ints | None, n: int, side: str) -> Ints:
    """0..k-1 in order of first appearance."""
    if labels is None:
        return np.arange(n)
    if np.shape(labels) != (n,):
        raise CutisError(f"units of the {side} images have shape {np.shape(labels)}; expected ({n},), one a score.")
    return renumber(np.asarray(labels))


def _values(blocks: list[RankBlock], weights: Floats) -> Floats:
    """(METRICS, r) of weights (units, r)."""
    rows: list[Floats] = []
    for block in blocks:
        auroc, _, specificity, precision = block.compute(weights)
        rows += [precision, 1.0 - specificity] if rows else [auroc, precision, 1.0 - specificity]
    return np.stack(rows)


def _draws(blocks: list[RankBlock], counts: dict[str, int], resamples: int, rng: np.random.Generator) -> Floats:
    """(METRICS, resamples); NaN where a side is empty or units are too few to redraw."""
    found = np.full((len(METRICS), resamples), np.nan)
    n_units = sum(counts.values())
    if n_units < FEWEST_FOR_INTERVAL or not min(counts.values()):
        return found
    step = max(1, _CHUNK // n_units)
    for start in range(0, resamples, step):
        r = min(step, resamples - start)
        weights = np.concatenate([next(multiplicities(rng, count, r)) for count in counts.values()])
        found[:, start : start + r] = _values(blocks, weights)
    return found


def _by_delong(quantity: Quantity, score: Floats, case: Bools, level: float) -> Quantity:
    limits = delong_interval(score, case, level)
    return quantity if limits is None else replace(quantity, limits=limits, remark="interval by DeLong's formula")


def _exact(quantity: Quantity, value: float, negatives: int, level: float) -> Quantity:
    limit = exact_limit(negatives, level)
    limits = (0.0, limit) if value == 0.0 else (1.0 - limit, 1.0)
    return replace(quantity, limits=limits, remark="the interval is the exact one (Clopper-Pearson)")
