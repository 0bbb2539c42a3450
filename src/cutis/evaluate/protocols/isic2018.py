"""ISIC 2018, Task 3: balanced multi-class accuracy over seven classes; a tie for the maximum is wrong."""

from __future__ import annotations

from cutis.errors import CutisError
from cutis.evaluate.means import MeanBlock
from cutis.evaluate.protocols.base import ChallengeScore, balanced_accuracy, category_scores
from cutis.evaluate.sample import Sample


def multi_class_block(sample: Sample, name: str) -> MeanBlock:
    """The scorer's numbers for a challenge in which each image is of one class."""
    if sample.labels is not None:
        raise CutisError(f"--protocol {name} scores one class an image; this file has several labels an image.")
    prefix = f"{name}:"
    categories = category_scores(sample, prefix, range(len(sample.classes)))
    return MeanBlock([balanced_accuracy(sample, prefix), categories], [], sample.n_units)


def _block(sample: Sample) -> MeanBlock:
    return multi_class_block(sample, "isic2018")


PROTOCOL = ChallengeScore(
    name="isic2018",
    source="ISIC 2018 Task 3 (Codella et al., arXiv 1902.03368; isic-challenge-scoring)",
    main="balanced_accuracy",
    codes=("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"),
    block=_block,
)
