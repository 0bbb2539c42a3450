"""MedMNIST's evaluator: AUC as the plain mean of one-against-rest AUCs, ACC as argmax accuracy."""

from __future__ import annotations

import numpy as np

from cutis.evaluate.discrimination import RankBlock
from cutis.evaluate.means import MeanBlock
from cutis.evaluate.protocols.base import ChallengeScore, overall, renamed
from cutis.evaluate.quantities import SumBlock, ratio
from cutis.evaluate.sample import Sample

_PREFIX = "medmnist:"


def _block(sample: Sample) -> MeanBlock:
    """auc and acc. Several labels an image: acc is the share of right yes-or-no answers of "score > 0.5"."""
    classes = range(len(sample.classes))
    ranks = [
        renamed(
            RankBlock(sample.p[:, k], sample.case(k), sample.unit, sample.n_units, sample.classes[k].code),
            _PREFIX,
            {"auroc": "class_auc"},
        )
        for k in classes
    ]
    if sample.labels is not None:
        right = ((sample.p > 0.5) == sample.labels).mean(1)
    else:
        right = (sample.p.argmax(1) == sample.target).astype(np.float64)
    sums = SumBlock(sample)
    sums.add(overall(sample, f"{_PREFIX}acc"), [right, np.ones(len(sample))], ratio)
    lost = [c.code for k, c in enumerate(sample.classes) if not sample.case(k).any()]
    remark = (
        f"over {len(classes) - len(lost)} of {len(classes)} classes (none of {', '.join(lost)} here)" if lost else ""
    )
    ranked = [need for rank in ranks for need in rank.quantities[0].needs if need[1]]
    scarce = min(ranked, key=lambda need: need[1], default=None)
    return MeanBlock(
        [sums, *ranks],
        [(overall(sample, f"{_PREFIX}auc", remark=remark, scarce=scarce), [1 + k for k in classes])],
        sample.n_units,
    )


PROTOCOL = ChallengeScore(
    name="medmnist",
    source="MedMNIST (Yang et al., Scientific Data 10, 2023; medmnist/evaluator.py)",
    main="auc",
    codes=(),
    block=_block,
)
