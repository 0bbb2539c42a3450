from __future__ import annotations

from cutis.papers import metrics
from cutis.papers.claim import Claim, Trial

CLAIM = Claim(
    id="mc-dropout",
    title="Monte Carlo dropout",
    citation='Gal & Ghahramani, "Dropout as a Bayesian approximation: Representing model uncertainty in deep '
    'learning", ICML 2016, arXiv:1506.02142.',
    claim="Averaging over dropout at prediction gives better uncertainty than one deterministic pass.",
    idea="Dropout draws one of many networks that share weights; what they say together is a cheap ensemble.",
    equation="p(y|x) = 1/T sum over t of softmax(W (z_t * h(x)) + b)",
    differences="Dropout before the head only, with 16 masks that are drawn once and kept; both arms are "
    "temperature-scaled.",
    where="models/structures/mc_dropout.py",
    use="cutis train DATA --out RUN --structure mc-dropout --set rate=0.3",
    notes={
        "phantom": "No better calibrated than the plain network, which temperature scaling has calibrated "
        "already (error 0.05). The accuracy is the same.",
        "ham10000": "No better calibrated, as in the phantom; both arms are temperature-scaled.",
    },
    trials=tuple(
        Trial(world, metrics.ECE, method={"structure": "mc-dropout"}, beside=(metrics.BALANCED_ACCURACY,))
        for world in ("phantom", "ham10000")
    ),
)
