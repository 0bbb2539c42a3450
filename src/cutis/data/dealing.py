"""Whole groups dealt to the parts of a split, so that each class keeps its share.

Iterative stratification (Sechidis, Tsoumakas & Vlahavas, ECML 2011) on groups instead of samples, rarest class first.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from cutis.errors import CutisError


def deal(table: pl.DataFrame, shares: Mapping[str, float], seed: int) -> tuple[list[str], list[str]]:
    """A part for each row of `table` (group, target), whole groups together, and warnings.

    shares: part -> its share, 0..1, summing to one. A class with fewer groups than parts is in the first part first,
    then the last. Raises CutisError for fewer groups than parts.
    """
    parts = list(shares)
    groups, inverse = np.unique(table["group"].to_numpy(), return_inverse=True)
    if len(groups) < len(parts):
        raise CutisError(
            f"{len(groups)} groups (patients or lesions) cannot fill {len(parts)} parts; each part needs one or more."
        )
    classes = sorted(table["target"].unique().to_list())
    code = table["target"].replace_strict(classes, list(range(len(classes))), return_dtype=pl.Int64).to_numpy()
    counts = np.zeros((len(groups), len(classes)), np.int64)  # images of each class in each group
    np.add.at(counts, (inverse, code), 1)
    holds = counts > 0
    want = np.stack([_targets(int(n), np.array(list(shares.values()))) for n in holds.sum(0)])  # classes x parts
    warnings = [
        f'class "{classes[c]}" has {int(n)} group{"s" if n > 1 else ""}: not in every part'
        for c, n in enumerate(holds.sum(0))
        if n < len(parts)
    ]
    rng = np.random.default_rng(seed)
    tie = rng.permutation(len(groups))
    # Larger groups first, so that images follow the shares as well as groups do.
    order = np.lexsort((tie, -counts.sum(1)))
    need = want.astype(float)
    part_of = np.full(len(groups), -1)
    # A group is dealt with its rarest class, the classes from rare to common.
    for c in np.argsort(holds.sum(0), kind="stable"):
        for g in order[holds[order, c] & (part_of[order] < 0)]:
            fill = need[c] / np.maximum(want[c], 1)
            rest = need[holds[g]].sum(0)
            p = int(np.lexsort((-rest, -fill))[0])
            part_of[g] = p
            need[holds[g], p] -= 1
    _fill_empty(part_of, len(parts), order)
    missing = [
        f'class "{classes[c]}" has no image in {parts[p]}'
        for c in range(len(classes))
        for p in range(len(parts))
        if holds[:, c].sum() >= len(parts) and not holds[part_of == p, c].any()
    ]
    return [parts[p] for p in part_of[inverse]], warnings + missing


def _targets(n: int, shares: np.ndarray) -> np.ndarray:
    """How many of a class's n groups each part should get: largest remainders, one at least in each if n allows.

    With fewer groups than parts the first part (train) is served first, then the last (test), then those between.
    """
    k = len(shares)
    if n < k:
        served = [0, k - 1, *range(1, k - 1)][:n]
        return np.isin(np.arange(k), served).astype(np.int64)
    exact = n * shares
    target = np.floor(exact + 1e-9).astype(np.int64)
    for p in np.argsort(-(exact - target), kind="stable")[: n - target.sum()]:
        target[p] += 1
    while (target == 0).any():
        target[target.argmax()] -= 1
        target[target.argmin()] += 1
    return target


def _fill_empty(part_of: np.ndarray, parts: int, order: np.ndarray) -> None:
    """Give each empty part the smallest group of the fullest part (few groups of mixed classes can leave one empty)."""
    sizes = np.bincount(part_of, minlength=parts)
    for p in np.flatnonzero(sizes == 0):
        donor = order[part_of[order] == sizes.argmax()][-1]
        sizes[part_of[donor]] -= 1
        part_of[donor] = p
        sizes[p] += 1
