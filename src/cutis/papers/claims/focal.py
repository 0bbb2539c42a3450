from __future__ import annotations

from cutis.papers import metrics
from cutis.papers.claim import Claim, Trial

CLAIM = Claim(
    id="focal",
    title="Focal loss",
    citation='Lin et al., "Focal loss for dense object detection", ICCV 2017, arXiv:1708.02002, equations 4-5.',
    claim="Turning down the weight of what is classified well helps where classes are very unequal.",
    idea="Many easy images of the frequent class drown the few hard ones; their loss is scaled by how unsure the "
    "network is.",
    equation="FL = -alpha_y (1 - p_y)^2 log p_y, alpha_y inverse to the share of y",
    differences="Of several classes, with softmax; against cross-entropy without any correction for class shares.",
    where="train/objectives/focal.py",
    use="cutis train DATA --out RUN --method focal --set gamma=2",
    notes={
        "phantom": "Up from 0.21 to 0.35 over plain cross-entropy. Its class weights probably do most of "
        "that: logit adjustment, which cutis train does by default, reaches 0.40.",
        "ham10000": "Up from 0.27 to 0.46 over plain cross-entropy, as in the phantom, and calibration worse "
        "by 0.11 even after temperature scaling.",
    },
    trials=tuple(
        Trial(
            world,
            metrics.BALANCED_ACCURACY,
            method={"method": "focal"},
            baseline={"method_settings": {"tau": 0.0}},
            beside=(metrics.ECE,),
        )
        for world in ("phantom", "ham10000")
    ),
)
