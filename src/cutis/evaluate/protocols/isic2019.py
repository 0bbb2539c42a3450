"""ISIC 2019: as ISIC 2018, over nine classes, of which UNK is "none of the others" and counts like each."""

from __future__ import annotations

from cutis.evaluate.means import MeanBlock
from cutis.evaluate.protocols.base import ChallengeScore
from cutis.evaluate.protocols.isic2018 import multi_class_block
from cutis.evaluate.sample import Sample


def _block(sample: Sample) -> MeanBlock:
    return multi_class_block(sample, "isic2019")


PROTOCOL = ChallengeScore(
    name="isic2019",
    source="ISIC 2019 (isic-challenge-scoring)",
    main="balanced_accuracy",
    codes=("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK"),
    block=_block,
)
