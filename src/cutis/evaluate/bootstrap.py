"""The cluster bootstrap: units are drawn with replacement, and a unit's rows come or stay away together.

One set of draws serves every metric. A resample is a column of multiplicities (how often each unit was drawn), and a
metric is computed from weights, so nothing is copied. Source: Davison & Hinkley, "Bootstrap Methods and their
Application", 1997, section 3.8 (resampling clusters) and 5.3 (percentile interval).

The draws of a set of rows depend on `seed` and on the image ids in it, and on nothing else: to add, drop, rename or
reorder other groups, or to reorder the rows, never changes a group's interval.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from typing import Protocol

import numpy as np
import polars as pl

from cutis.errors import CutisError, nearest
from cutis.evaluate.arrays import Floats

_CHUNK = 2_000_000  # multiplicities held at once: 16 MB, which bounds memory and keeps the work in the cache
_THREADS = os.cpu_count() or 1
_UNDEFINED = 0.05  # largest share of resamples that may lack a value


def check_resampling(resamples: int, seed: int, level: float, unit: str | None = None) -> None:
    """Raise CutisError unless these can be: resamples, seed and level of an interval, and the unit asked for."""
    if resamples < 40:
        raise CutisError(f"resamples is {resamples}; an interval needs at least 40, and 1000 is usual.")
    if not 0.5 <= level <= 0.999:
        raise CutisError(f"level is {level}; expected a number in 0.5..0.999, such as 0.95.")
    if seed < 0:
        raise CutisError(f"seed is {seed}; expected a whole number from 0.")
    if unit not in (None, "image"):
        raise CutisError(
            f'unit "{unit}": {nearest(unit, ["image"])}; or leave it out, to resample patients or lesions.'
        )


class Block(Protocol):
    """Some metrics computed together from weighted units."""

    def compute(self, weights: Floats) -> Floats:
        """(metrics, r) values for weights (units, r); NaN where a metric is undefined."""


def generator(seed: int, ids: Sequence[str] | pl.Series) -> np.random.Generator:
    """The stream for these images: the same whatever else the table holds."""
    digest = sha256(pl.Series(ids, dtype=pl.String).sort().str.join("\n").item().encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, "<u4").tolist()])


def multiplicities(rng: np.random.Generator, n_units: int, resamples: int) -> Iterator[Floats]:
    """`resamples` draws of n_units from n_units, as columns of (n_units, r) counts, r at a time."""
    step = max(1, min(resamples, _CHUNK // max(n_units, 1)))
    for start in range(0, resamples, step):
        r = min(step, resamples - start)
        drawn = rng.integers(0, n_units, size=(r, n_units))
        drawn += np.arange(r)[:, None] * n_units
        counts = np.bincount(drawn.ravel(), minlength=r * n_units).reshape(r, n_units)
        yield np.ascontiguousarray(counts.T, dtype=np.float64)


def resample(blocks: Sequence[Block], rng: np.random.Generator, n_units: int, resamples: int) -> Floats:
    """(metrics, resamples) values of all blocks, in order; NaN where undefined. One thread draws, others compute."""

    def compute(weights: Floats) -> Floats:
        return np.concatenate([block.compute(weights) for block in blocks])

    parts: list[Floats] = []
    waiting: deque[Future[Floats]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        for weights in multiplicities(rng, n_units, resamples):
            waiting.append(pool.submit(compute, weights))
            if len(waiting) > _THREADS:  # what is drawn but not computed is held in memory
                parts.append(waiting.popleft().result())
        parts += [part.result() for part in waiting]
    return np.concatenate(parts, axis=1)


def interval(values: Floats, level: float) -> tuple[float, float] | str:
    """Percentile interval of one metric's resamples, or one sentence on why there is none.

    Resamples without a value (a class was not drawn) are left out; above 5 % of them there is no interval.
    """
    defined = values[np.isfinite(values)]
    share = (len(values) - len(defined)) / len(values)
    if share > _UNDEFINED:
        return f"no interval, as {100 * share:.1f} % of the resamples lack a class or an answer that it needs"
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def exact_limit(n_units: int, level: float) -> float:
    """Largest rate that is still consistent with no event in n_units units (two-sided Clopper-Pearson).

    For a share that is 0 or 1 in the data every resample agrees, and a bootstrap would claim certainty.
    Source: Clopper & Pearson, Biometrika 26, 1934; with no event it has the closed form 1 - (a / 2)^(1 / n).
    """
    return float(1.0 - ((1 - level) / 2) ** (1.0 / n_units))
