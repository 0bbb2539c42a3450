from __future__ import annotations

from cutis.papers import metrics
from cutis.papers.claim import Claim, Trial

CLAIM = Claim(
    id="label-smoothing",
    title="Label smoothing",
    citation='Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016, '
    "arXiv:1512.00567, section 7.",
    claim="Targets that are a little short of certain make a classifier more accurate.",
    idea="A target of 1 is only reached by ever larger logits; 0.9 and the rest shared out is reached by finite ones.",
    equation="y <- (1 - e) y + e / K, e = 0.1",
    differences="None. Neither arm adjusts logits by the prior, as cutis train does by default: see the note.",
    where="train/objectives/cross_entropy.py",
    use="cutis train DATA --out RUN --set smoothing=0.1 --set tau=0",
    notes={
        "phantom": "No effect in ten passes of plain cross-entropy, which hardly finds the rare classes. "
        "Together with logit adjustment, our default, it lowered balanced accuracy from 0.40 to "
        "0.30: uniform targets and a prior in the logits contradict each other.",
        "ham10000": "No effect at all, as in the phantom: probably ten passes leave little overconfidence to smooth.",
    },
    trials=tuple(
        Trial(
            world,
            metrics.BALANCED_ACCURACY,
            method={"method_settings": {"smoothing": 0.1, "tau": 0.0}},
            baseline={"method_settings": {"tau": 0.0}},
            beside=(metrics.ECE,),
        )
        for world in ("phantom", "ham10000")
    ),
)
