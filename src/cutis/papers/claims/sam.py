from __future__ import annotations

from cutis.papers import metrics
from cutis.papers.claim import Claim, Trial

CLAIM = Claim(
    id="sam",
    title="Sharpness-aware minimisation (SAM)",
    citation='Foret, Kleiner, Mobahi & Neyshabur, "Sharpness-aware minimization for efficiently improving '
    'generalization", ICLR 2021, arXiv:2010.01412.',
    claim="Minimising the worst loss near the weights, not the loss at them, generalises better.",
    idea="A step is made by the gradient of a point uphill from here, so that narrow minima are left.",
    equation="w <- w - lr dL(w + rho g / |g|), rho = 0.05",
    differences="AdamW in place of SGD; twice the time a step, at the same number of passes.",
    where="train/sharpness.py",
    use="cutis train DATA --out RUN --sharpness 0.05",
    notes={
        "phantom": "Not shown in ten passes, each of which costs two; lower, if anything. Longer budgets "
        "were not tried.",
        "ham10000": "No effect in ten passes, each of which costs two.",
    },
    trials=tuple(
        Trial(world, metrics.BALANCED_ACCURACY, method={"sharpness": 0.05}, beside=(metrics.ECE,))
        for world in ("phantom", "ham10000")
    ),
)
