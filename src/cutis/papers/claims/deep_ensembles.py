from __future__ import annotations

from cutis.papers import metrics
from cutis.papers.claim import Claim, Trial

CLAIM = Claim(
    id="deep-ensembles",
    title="Deep ensembles",
    citation='Lakshminarayanan, Pritzel & Blundell, "Simple and scalable predictive uncertainty estimation using deep '
    'ensembles", NeurIPS 2017, arXiv:1612.01474.',
    claim="The mean of a few networks from different starts is more accurate and better calibrated than one.",
    idea="Networks from different starts err differently where they know little, so their mean is unsure there. Where "
    "they know, they agree.",
    equation="p(y|x) = 1/M sum over m of softmax(f_m(x))",
    differences="Three members that see the same batches; each learns by its own loss. Both arms are "
    "temperature-scaled on validation images, which takes much of the gain in calibration.",
    where="models/structures/ensemble.py",
    use="cutis train DATA --out RUN --structure ensemble --set members=3",
    notes={
        "phantom": "No better than one network in ten passes. Its members learn from the same batches, so "
        "they are probably too alike, and both arms are temperature-scaled.",
        "ham10000": "No better than one network, neither in accuracy nor in calibration, as in the phantom "
        "and probably for the same reasons.",
    },
    trials=tuple(
        Trial(world, metrics.BALANCED_ACCURACY, method={"structure": "ensemble"}, beside=(metrics.ECE,))
        for world in ("phantom", "ham10000")
    ),
)
