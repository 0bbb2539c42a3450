"""ISIC 2017, Part 3: melanoma against the rest and seborrhoeic keratosis against the rest; mean of the two AUCs."""

from __future__ import annotations

from cutis.errors import CutisError
from cutis.evaluate.means import MeanBlock
from cutis.evaluate.protocols.base import ChallengeScore, category_scores
from cutis.evaluate.sample import Sample

_TASKS = {
    "melanoma": ("mel", "melanoma"),
    "seborrheic_keratosis": (
        "sk",
        "sek",
        "seborrheic_keratosis",
        "seborrheic keratosis",
        "seborrhoeic keratosis",
    ),
}


def _block(sample: Sample) -> MeanBlock:
    """Scores of both tasks; macro_auc is the mean that ranks."""
    chosen = []
    for task, names in _TASKS.items():
        found = [k for k, c in enumerate(sample.classes) if {c.code.casefold(), c.name.casefold()} & set(names)]
        if not found:
            raise CutisError(
                f"--protocol isic2017 asks for {task} against the rest, but the classes are "
                f"{', '.join(c.code for c in sample.classes)}. Add a column p_{task}."
            )
        chosen.append(found[0])
    return category_scores(sample, "isic2017:", chosen)


PROTOCOL = ChallengeScore(
    name="isic2017",
    source="ISIC 2017 Part 3 (Codella et al., ISBI 2018)",
    main="macro_auc",
    codes=(),
    block=_block,
)
