from __future__ import annotations

from cutis.papers import metrics
from cutis.papers.claim import Claim, Trial

CLAIM = Claim(
    id="fairseg",
    title="Fair error-bound scaling (FairSeg)",
    citation='Tian et al., "FairSeg: A large-scale medical image segmentation dataset for fairness learning using '
    'Segment Anything Model with fair error-bound scaling", ICLR 2024, arXiv:2311.02189.',
    claim="Scaling the loss by each identity group's upper error bound makes performance more equal between groups, "
    "at the same or a better whole.",
    idea="The group whose training error is largest weighs most.",
    equation="w_g = (D_g / min_k D_k)^beta, scaled to 1 on average, D_g the mean loss of group g",
    differences="The paper scales predicted masks before a Dice loss; a label has no mask, so the loss gets the "
    "inverse weight, which also suits the per-image losses of masks. D_g is a moving average. Re-tested on "
    "classification only.",
    where="train/objectives/error_bound.py",
    use="cutis train DATA --out RUN --method fair-error-bound --set column=ita_cutis --set beta=1",
    notes={
        "ham10000": "Not shown; a little more accurate, if anything, with no less distance between tones.",
        "phantom-tone": "Nothing moves. Its weights go by each group's loss, and probably the tones' losses are "
        "alike in training: the bias is in which class they have.",
    },
    trials=(
        Trial(
            "phantom-tone",
            metrics.gap(),
            method={"method": "fair-error-bound", "method_settings": {"column": "tone"}},
            beside=(metrics.within("bias", "against"), metrics.BALANCED_ACCURACY),
        ),
        Trial(
            "ham10000",
            metrics.worst("tone"),
            method={"method": "fair-error-bound", "method_settings": {"column": "tone"}},
            beside=metrics.IN_GROUPS,
        ),
    ),
)
