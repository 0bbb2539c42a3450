"""ISIC 2020 (SIIM-ISIC): ROC AUC of malignant against benign."""

from __future__ import annotations

from cutis.errors import CutisError
from cutis.evaluate.discrimination import RankBlock
from cutis.evaluate.protocols.base import ChallengeScore, binary_score, renamed, row_weights
from cutis.evaluate.sample import Sample

NAMES = ("mel", "melanoma", "malignant")


def two_way_rank(sample: Sample, name: str, areas: dict[str, str]) -> RankBlock:
    """AUC, and `areas` (of `discrimination.AREAS`, with the challenge's names for them), of the two-way question."""
    found = binary_score(sample, NAMES)
    if found is None:
        raise CutisError(
            f"--protocol {name} asks for malignant against benign, but the classes "
            f"({', '.join(c.code for c in sample.classes)}) don't say which they are. Add a column p_malignant."
        )
    score, case, rows = found
    block = RankBlock(
        score[rows],
        case[rows],
        sample.unit[rows],
        sample.n_units,
        "malignant",
        areas=tuple(areas),
        weight=row_weights(sample)[rows],
    )
    return renamed(block, f"{name}:", {"auroc": "auc", **areas})


def _block(sample: Sample) -> RankBlock:
    return two_way_rank(sample, "isic2020", {})


PROTOCOL = ChallengeScore(
    name="isic2020",
    source="the SIIM-ISIC Melanoma Classification Challenge 2020 (Rotemberg et al., Scientific Data 8, 2021)",
    main="auc",
    codes=(),
    block=_block,
)
