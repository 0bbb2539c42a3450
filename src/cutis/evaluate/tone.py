"""How far ways to estimate skin tone agree on the same images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from cutis.errors import CutisError
from cutis.evaluate.agreement import agreement, cohen_kappa, mean_difference
from cutis.evaluate.resampled import Resampling
from cutis.schema.estimate import Estimate


@dataclass(frozen=True)
class TonePair:
    """Agreement of two estimators over the images where both give a tone.

    same: share of images in the same class. kappa: Cohen's, quadratic. difference: mean absolute difference in degrees.
    """

    first: str
    second: str
    same: Estimate
    kappa: Estimate
    difference: Estimate


def tone_agreement(
    table: pl.DataFrame,
    methods: Sequence[str],
    rank: Callable[[float], int],
    *,
    resampling: Resampling | None = None,
) -> list[TonePair]:
    """Agreement of each pair of `methods`, columns ita_<method> of `table` (null where refused).

    rank: degrees -> class, 0 the lightest (`cutis.image.tone.thresholds`). Intervals are by `resampling.groups`. Raises
    CutisError for a method that has no column.
    """
    missing = next((m for m in methods if f"ita_{m}" not in table.columns), None)
    if missing is not None:
        raise CutisError(f"no column ita_{missing}; make it with: cutis tone DATASET --method {missing}")
    degrees = {m: np.array(table[f"ita_{m}"].to_list(), object) for m in methods}
    classes = {m: np.array([None if v is None else rank(v) for v in found], object) for m, found in degrees.items()}
    # All classes up to the darkest: one that nobody was put in still stands between its neighbours.
    categories = range(1 + max((c for found in classes.values() for c in found if c is not None), default=-1))
    return [
        TonePair(
            one,
            other,
            agreement(np.stack([classes[one], classes[other]], 1), resampling=resampling),
            cohen_kappa(
                classes[one], classes[other], weights="quadratic", categories=categories, resampling=resampling
            ),
            mean_difference(degrees[one], degrees[other], resampling=resampling),
        )
        for one, other in combinations(methods, 2)
    ]
