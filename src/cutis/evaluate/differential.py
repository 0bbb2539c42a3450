"""The answer as an ordered list: is the truth near its top, and does the list agree with the readers' own.

Ties are never taken in the model's favour: a class's rank is the number of classes with a probability at least as high,
itself included, so nothing depends on the order of columns.
"""

from __future__ import annotations

import numpy as np

from cutis.evaluate.arrays import Bools, Floats, Ints
from cutis.evaluate.quantities import Quantity, SumBlock, ratio

TOPS = (2, 3, 5)
LIST = 3  # how many answers are held against a differential


def ranks(p: Floats) -> Ints:
    """(n, classes) rank of each class by probability; 1 is the top, and classes that tie share the worse rank."""
    rising = np.sort(p, axis=1)
    below = np.stack([(rising < p[:, k : k + 1]).sum(1) for k in range(p.shape[1])], axis=1)
    found: Ints = (p.shape[1] - below).astype(np.int64)
    return found


def add_top_k(block: SumBlock) -> None:
    """`top_2_accuracy`, `top_3_accuracy`, `top_5_accuracy` (below the number of classes) and `reciprocal_rank`.

    reciprocal_rank: mean of 1 / rank of the true class, 0..1 (Voorhees, TREC-8, 1999).
    """
    sample = block.sample
    classes = len(sample.classes)
    if classes < 3:
        return
    rank = ranks(sample.p)[np.arange(len(sample)), sample.target]
    every = np.ones(len(sample), bool)
    for k in TOPS:
        if k < classes:
            block.add_share(f"top_{k}_accuracy", rank <= k, every)
    block.add_mean("reciprocal_rank", 1.0 / rank, every)


def add_differential(block: SumBlock) -> None:
    """The answers against the readers' weighted differential, over the rows that have one.

    differential_recall_k (1 and 3): weight of the differential that lies in the top k answers. differential_overlap_3:
    mean over depths d = 1..min(3, length of the differential) of |top d answers that are in its top d| / d, the average
    overlap of two rankings (Webber, Moffat & Zobel, ACM TOIS 28, 2010, section 3.2; used so in dermatology by Liu et
    al., Nature Medicine 26, 2020). differential_reciprocal_rank: mean of 1 / rank of the heaviest diagnosis. A
    diagnosis that the model can't answer counts against it: its weight is never found, and as the heaviest it scores 0.
    Only where every diagnosis is such a one is the row left out of overlap and rank.
    """
    sample = block.sample
    if sample.differential is None:
        return
    has: Bools = np.isfinite(sample.differential[:, 0])
    weights = np.where(has[:, None], sample.differential, 0.0)
    weights, outside = weights[:, :-1], weights[:, -1]
    rank = ranks(sample.p)
    for k in (1, LIST):
        found = np.where(rank <= k, weights, 0.0).sum(1)
        _mean(block, f"differential_recall_{k}", found, has)
    known = has & (weights.max(1) > 0)
    heaviest = weights.max(1, keepdims=True)
    best = np.where(weights == heaviest, rank, rank.shape[1] + 1).min(1)
    _mean(block, f"differential_overlap_{LIST}", _overlap(rank, weights), known)
    _mean(block, "differential_reciprocal_rank", np.where(outside > heaviest[:, 0], 0.0, 1.0 / best), known)


def _overlap(rank: Ints, weights: Floats) -> Floats:
    """(n,) average overlap of the top answers with the classes of most weight, to the shorter of LIST and the list."""
    # Of classes that weigh the same any order is right, so each takes the best rank of the group.
    place = 1 + np.stack([(weights > weights[:, k : k + 1]).sum(1) for k in range(weights.shape[1])], axis=1)
    length = np.minimum((weights > 0).sum(1), LIST)
    total = np.zeros(len(rank))
    for depth in range(1, LIST + 1):
        both = ((rank <= depth) & (place <= depth) & (weights > 0)).sum(1)
        total += np.where(depth <= length, np.minimum(both, depth) / depth, 0.0)
    return np.divide(total, length, out=np.zeros(len(rank)), where=length > 0)


def _mean(block: SumBlock, metric: str, values: Floats, among: Bools) -> None:
    units = block.sample.units_in(among)
    quantity = Quantity(
        metric=metric,
        n=int(among.sum()),
        n_units=units,
        needs=(("with a differential", units),),
        undefined="no row has a differential",
    )
    block.add(quantity, [np.where(among, values, 0.0), among], ratio)
