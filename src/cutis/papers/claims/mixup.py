from __future__ import annotations

from cutis.papers import metrics
from cutis.papers.claim import Claim, Trial

CLAIM = Claim(
    id="mixup",
    title="mixup",
    citation='Zhang, Cisse, Dauphin & Lopez-Paz, "mixup: Beyond empirical risk minimization", ICLR 2018, '
    "arXiv:1710.09412.",
    claim="Learning from blends of two images and of their labels makes a classifier more accurate.",
    idea="Between two images the answer should go over evenly from one label to the other.",
    equation="x = s x_i + (1 - s) x_j, y = s y_i + (1 - s) y_j, s ~ Beta(0.2, 0.2)",
    differences="Every image draws its own share, not each batch.",
    where="train/objectives/mixup.py",
    use="cutis train DATA --out RUN --method mixup",
    notes={
        "phantom": "Not shown in ten passes, which are few for a regulariser; balanced accuracy is lower, "
        "not higher, if anything.",
        "ham10000": "No more accurate, in ten passes, and a little better calibrated (error 0.13 to 0.12, "
        "with an interval below zero).",
    },
    trials=tuple(
        Trial(world, metrics.BALANCED_ACCURACY, method={"method": "mixup"}, beside=(metrics.ECE,))
        for world in ("phantom", "ham10000")
    ),
)
