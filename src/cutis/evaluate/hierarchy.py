"""How far off an answer is on the ISIC tree of diagnoses: a nevus called lentigo is less wrong than called melanoma.

Every class that carries a `diagnosis` path is a node of the tree. A class without one (HAM10000's akiec, which merges
two branches) has no place in it.
"""

from __future__ import annotations

import numpy as np

from cutis.evaluate.arrays import Ints
from cutis.evaluate.quantities import Quantity, SumBlock, ratio
from cutis.schema.classes import ClassInfo

LEVELS = range(1, 6)


def class_paths(classes: tuple[ClassInfo, ...]) -> list[tuple[str, ...]]:
    """Each class's nodes from the root's child down; () where it has none."""
    return [tuple(c.diagnosis.split(":")) if c.diagnosis else () for c in classes]


def shared_depth(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """How many levels two paths have in common."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def tree_distances(paths: list[tuple[str, ...]]) -> Ints:
    """(classes, classes) steps from node to node, up to the lowest common ancestor and down again: 0..10.

    Source: the path length of Rada et al., IEEE Trans. Systems, Man and Cybernetics 19, 1989. -1 where either has no
    node.
    """
    found = np.full((len(paths), len(paths)), -1, np.int64)
    for i, a in enumerate(paths):
        for j, b in enumerate(paths):
            if a and b:
                found[i, j] = len(a) + len(b) - 2 * shared_depth(a, b)
    return found


def add_hierarchy(block: SumBlock) -> None:
    """`accuracy_level_1` .. `_5` and `tree_distance`, if at least two classes have a node.

    Level l: of the rows whose true node lies at level l or deeper, those whose first answer agrees with it down to
    level l. An answer that stops above level l, or that has no node, does not agree. A level is measured where the
    classes' nodes differ on it. tree_distance: mean steps between answer and truth, over rows where both have a node.
    """
    sample = block.sample
    paths = class_paths(sample.classes)
    if sum(bool(p) for p in paths) < 2:
        return
    depth = np.array([len(p) for p in paths])
    shared = np.array([[shared_depth(a, b) for b in paths] for a in paths])
    for level in LEVELS:
        if len({p[:level] for p in paths if len(p) >= level}) < 2:
            continue
        among = depth[sample.target] >= level
        agree = shared[sample.target, sample.predicted] >= level
        block.add_share(f"accuracy_level_{level}", agree, among, what=f"with a diagnosis at level {level}")
    distances = tree_distances(paths)[sample.target, sample.predicted]
    among = distances >= 0
    units = sample.units_in(among)
    lost = [c.code for c, p in zip(sample.classes, paths, strict=True) if not p]
    quantity = Quantity(
        metric="tree_distance",
        n=int(among.sum()),
        n_units=units,
        needs=(("whose truth and answer have a place in the tree", units),),
        remark=f"without {', '.join(lost)}, which has no place in the tree" if lost else "",
    )
    block.add(quantity, [np.where(among, distances, 0.0), among], ratio)
