from __future__ import annotations

from cutis.papers import metrics
from cutis.papers.claim import Claim, Trial

CLAIM = Claim(
    id="cutmix",
    title="CutMix",
    citation='Yun et al., "CutMix: Regularization strategy to train strong classifiers with localizable features", '
    "ICCV 2019, arXiv:1905.04899.",
    claim="Pasting a rectangle of one image into another, with labels blended by area, makes a classifier more "
    "accurate.",
    idea="What can be seen of each image must be enough to tell it, so a network learns from all parts of a lesion.",
    equation="x = M x_i + (1 - M) x_j, y = s y_i + (1 - s) y_j, s the share of M",
    differences="Every image draws its own rectangle, not each batch. A lesion is one thing in the middle of a "
    "picture, which the paper didn't have in mind.",
    where="train/objectives/cutmix.py",
    use="cutis train DATA --out RUN --method cutmix",
    notes={
        "phantom": "Worse, with an interval that just ends below zero: a rectangle of one lesion pasted into "
        "another is no lesion, and ten passes are few for a regulariser.",
        "ham10000": "No effect on accuracy or calibration.",
    },
    trials=tuple(
        Trial(world, metrics.BALANCED_ACCURACY, method={"method": "cutmix"}, beside=(metrics.ECE,))
        for world in ("phantom", "ham10000")
    ),
)
