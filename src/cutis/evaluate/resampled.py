"""One statistic that is a function of weighted items, as an `Estimate` with a bootstrap interval over units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cutis.errors import CutisError
from cutis.evaluate.arrays import Bools, Floats, Ints
from cutis.evaluate.bootstrap import exact_limit, generator, interval, multiplicities
from cutis.evaluate.numbers import FEWEST, FEWEST_FOR_INTERVAL
from cutis.schema.estimate import Estimate

Statistic = Callable[[Floats], Floats]  # weights (items, r) -> (r,) values, NaN where undefined


@dataclass(frozen=True)
class Resampling:
    """How the interval is made.

    groups: one id an item where items aren't independent (patients); they are then drawn whole. unit: what an item,
    or a group, is called. level: of the interval, 0..1.
    """

    resamples: int = 1000
    seed: int = 0
    level: float = 0.95
    groups: Sequence[Any] | None = None
    unit: str = "image"


def estimated(
    statistic: Statistic,
    kept: Bools,
    resampling: Resampling | None,
    degenerate: str,
    *,
    kind: str = "",
    share: bool = False,
    scarce: tuple[str, int] | None = None,
) -> Estimate:
    """`statistic` of the items in `kept`, a mask over all of them, to which the groups belong.

    degenerate: the reason given where the statistic is NaN. kind: which units count ("with two ratings"). share: it is
    a share, for which 0 and 1 have an exact limit. scarce: what is counted, and how many units there are of it, where
    the interval is bounded by one kind among them. Raises CutisError if there isn't a group for every item.
    """
    r = resampling or Resampling()
    unit = _units(kept, r)
    n, n_units = len(unit), len(np.unique(unit))
    if n_units < FEWEST:
        why = f"only {n_units} {r.unit}s {kind}".rstrip() + f"; you need {FEWEST - n_units} more"
        return Estimate.missing(why, n=n, n_units=n_units, unit=r.unit)
    value = float(statistic(np.ones((n, 1)))[0])
    if not np.isfinite(value):
        return Estimate.missing(degenerate, n=n, n_units=n_units, unit=r.unit)
    low: float | None = None
    high: float | None = None
    reason = ""
    what, fewest = min(("", n_units), scarce or ("", n_units), key=lambda count: count[1])
    if fewest < FEWEST_FOR_INTERVAL:
        those = f"{fewest} {r.unit}s {what}".rstrip()
        reason = f"only {those}; for an interval you need {FEWEST_FOR_INTERVAL - fewest} more"
    elif share and value in (0.0, 1.0):
        limit = exact_limit(n_units, r.level)
        low, high = (0.0, limit) if value == 0.0 else (1.0 - limit, 1.0)
        reason = f"all {r.unit}s agree, so the interval is the exact one (Clopper-Pearson)"
    else:
        rng = generator(r.seed, [str(i) for i in range(n)])
        draws = np.concatenate([statistic(w[unit]) for w in multiplicities(rng, n_units, r.resamples)])
        found = interval(draws, r.level)
        if isinstance(found, str):
            reason = found
        elif found[0] == found[1]:
            reason = "all resamples give the same value, so they say nothing of its uncertainty"
        else:
            low, high = found
    return Estimate(value=value, low=low, high=high, n=n, n_units=n_units, unit=r.unit, reason=reason)


def missing(reason: str, kept: Bools, resampling: Resampling | None) -> Estimate:
    """The estimate of the items in `kept` that could not be made, and why."""
    r = resampling or Resampling()
    units = _units(kept, r)
    return Estimate.missing(reason, n=len(units), n_units=len(np.unique(units)), unit=r.unit)


def _units(kept: Bools, r: Resampling) -> Ints:
    """The unit of each item that is kept, numbered from 0."""
    if r.groups is None:
        return np.arange(int(kept.sum()))
    if len(r.groups) != len(kept):
        raise CutisError(f"{len(r.groups)} groups for {len(kept)} items; expected one a item.")
    numbers: Ints = np.unique(np.array([str(g) for g in r.groups])[kept], return_inverse=True)[1]
    return numbers
