"""Robustness Index: whether images lie near others of their diagnosis, or near others of their clinic.

Among the k nearest neighbours of every image, counted together over all: SO have the same biology (diagnosis) and
another centre (clinic, camera, dataset), OS another biology and the same centre, SS both the same.

    RI = SO / (SO + OS)                          0..1; 0.5: biology and centre weigh alike
    older: (SS + SO) / (SS + OS)                 may exceed 1

Sources: Komen et al., "Towards robust foundation models for digital pathology" (PathoROB), arXiv:2507.17845; the older
form: de Jong et al., "Current pathology foundation models are unrobust to medical center differences",
arXiv:2501.18055. As there: features of length one, no neighbour of the same patient, and the k at which a vote of the
neighbours tells biology best (balanced accuracy). The index depends on how many images each biology has in each centre,
so `balanced` draws equal numbers, and `chance` is what neighbours drawn blindly would give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cutis.errors import CutisError
from cutis.evaluate.arrays import Bools, Floats, Ints
from cutis.evaluate.distance.rows import check_rows, neighbours
from cutis.evaluate.resampled import Resampling, Statistic, estimated
from cutis.schema.estimate import Estimate

KS = (1, 3, 5, 7, 9, *range(11, 201, 10))
_NONE = "no neighbour is of the same biology and another centre, nor the other way round"


@dataclass(frozen=True)
class RobustnessIndex:
    """index, older: the two forms at `k`. accuracy: balanced accuracy of the neighbours' vote at `k`. curve: k ->
    (index, accuracy) of every k that was tried. chance: the index of neighbours drawn blindly."""

    index: Estimate
    older: Estimate
    k: int
    accuracy: float
    chance: float
    curve: dict[int, tuple[float, float]]


def robustness_index(
    features: ArrayLike,
    biology: Sequence[Any],
    centre: Sequence[Any],
    *,
    ks: Sequence[int] = KS,
    resampling: Resampling | None = None,
) -> RobustnessIndex:
    """Of (n, d) features and each image's biology and centre.

    ks: numbers of neighbours to choose from; those that leave an image without neighbours are not tried.
    resampling: its groups are the patients or lesions: they are redrawn for the interval, with neighbours and k held,
    and images of one are never neighbours. Raises CutisError for rows that aren't finite or are 0, fewer than two
    biologies or centres, or no k that can be tried.
    """
    rows = check_rows(features, "robustness index: the features", 3)
    kinds, places = _numbered(biology, len(rows), "biology"), _numbered(centre, len(rows), "centre")
    lengths = np.linalg.norm(rows, axis=1)
    if not lengths.all():
        raise CutisError(f"robustness index: row {int((lengths == 0).argmax()) + 1} is all 0, so it has no direction.")
    groups = None if resampling is None else resampling.groups
    unit = np.arange(len(rows)) if groups is None else _numbered(groups, len(rows), "group", least=1)
    fewest = len(rows) - int(np.bincount(unit).max())
    tried = [k for k in sorted(set(ks)) if 1 <= k <= fewest]
    if not tried:
        raise CutisError(f"robustness index: no k of {', '.join(map(str, ks))} is in 1..{fewest}, the neighbours held.")
    who = neighbours(rows / lengths[:, None], tried[-1], unit)[1]
    same_kind, same_place = kinds[who] == kinds[:, None], places[who] == places[:, None]
    accuracies = [_accuracy(kinds, who[:, :k]) for k in tried]
    best = int(np.argmax(accuracies))
    k = tried[best]
    so, os = same_kind & ~same_place, ~same_kind & same_place
    both = same_kind & same_place
    every = np.ones(len(rows), bool)
    at_k = {name: mask[:, :k].sum(1).astype(np.float64) for name, mask in (("so", so), ("os", os), ("ss", both))}
    return RobustnessIndex(
        index=estimated(_ratio_of(at_k["so"], at_k["so"] + at_k["os"]), every, resampling, _NONE),
        older=estimated(_ratio_of(at_k["ss"] + at_k["so"], at_k["ss"] + at_k["os"]), every, resampling, _NONE),
        k=k,
        accuracy=accuracies[best],
        chance=_chance(kinds, places, unit),
        curve={k: (_share(so[:, :k], os[:, :k]), a) for k, a in zip(tried, accuracies, strict=True)},
    )


def balanced(biology: Sequence[Any], centre: Sequence[Any], rng: np.random.Generator) -> Ints:
    """Row numbers, rising, with equally many of every biology in every centre, drawn at random.

    Biologies that some centre has none of are left out; so is what is None. Raises CutisError if fewer than two are
    left.
    """
    pairs = [(b, c) for b, c in zip(biology, centre, strict=True) if b is not None and c is not None]
    centres = list(dict.fromkeys(c for _, c in pairs))
    held = set(pairs)
    shared = [b for b in dict.fromkeys(b for b, _ in pairs) if all((b, c) in held for c in centres)]
    if len(shared) < 2 or len(centres) < 2:
        raise CutisError(
            f"robustness index: {len(shared)} biologies are in all {len(centres)} centres; two and two are needed."
        )
    cells = [
        [i for i, pair in enumerate(zip(biology, centre, strict=True)) if pair == (b, c)]
        for b in shared
        for c in centres
    ]
    fewest = min(map(len, cells))
    chosen: Ints = np.sort(np.concatenate([rng.choice(cell, fewest, replace=False) for cell in cells]))
    return chosen


def _numbered(values: Sequence[Any], n: int, what: str, least: int = 2) -> Ints:
    if len(values) != n:
        raise CutisError(f"robustness index: {len(values)} values of {what} for {n} rows; expected one a row.")
    missing = next((i for i, v in enumerate(values) if v is None), None)
    if missing is not None:
        raise CutisError(f"robustness index: row {missing + 1} has no {what}; leave it out.")
    names, numbers = np.unique([str(v) for v in values], return_inverse=True)
    if len(names) < least:
        raise CutisError(f'robustness index: every row has {what} "{names[0]}"; two or more are needed.')
    found: Ints = numbers.astype(np.int64)
    return found


def _accuracy(kinds: Ints, who: Ints) -> float:
    """Balanced accuracy of the neighbours' vote; of kinds with equally many votes the first by name wins."""
    votes = np.stack([(kinds[who] == kind).sum(1) for kind in range(kinds.max() + 1)], 1)
    right = votes.argmax(1) == kinds
    return float(np.mean([right[kinds == kind].mean() for kind in range(kinds.max() + 1)]))


def _ratio_of(above: Floats, below: Floats) -> Statistic:
    def statistic(w: Floats) -> Floats:
        bottom = below @ w
        share: Floats = np.divide(above @ w, bottom, out=np.full(len(bottom), np.nan), where=bottom > 0)
        return share

    return statistic


def _share(so: Bools, os: Bools) -> float:
    total = int(so.sum() + os.sum())
    return float(so.sum() / total) if total else float("nan")


def _chance(kinds: Ints, places: Ints, unit: Ints) -> float:
    """SO / (SO + OS) over all pairs of different units."""
    so = os = 0
    for start in range(0, len(kinds), 1024):
        part = slice(start, start + 1024)
        other = unit[part, None] != unit
        kind, place = kinds[part, None] == kinds, places[part, None] == places
        so += int((other & kind & ~place).sum())
        os += int((other & ~kind & place).sum())
    return so / (so + os) if so + os else float("nan")
