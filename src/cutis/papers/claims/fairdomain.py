from __future__ import annotations

from cutis.papers import metrics
from cutis.papers.claim import Claim, Trial

CLAIM = Claim(
    id="fairdomain",
    title="Fair identity attention (FairDomain)",
    citation='Tian et al., "FairDomain: Achieving fairness in cross-domain medical image segmentation and '
    'classification", ECCV 2024, arXiv:2407.08813.',
    claim="Attention that is asked by the patient's identity group makes performance fairer between groups, also "
    "under a shift of domain.",
    idea="An embedding of the group asks, the picture's features answer, so each group may look at what tells most "
    "about it.",
    equation="f = pool(x) + W_o sum_i softmax_i((W_q e) . (W_k x_i) / sqrt(d)) W_v x_i, e = sum_g p_g E_g",
    differences="Theirs is told the group, also when it is used; ours predicts it from the features, as a bundle "
    "has the picture alone. One query a picture, no feed-forward layer, W_o starts at zero. Re-tested within a "
    "domain.",
    where="models/structures/fair_identity.py",
    use="cutis train DATA --out RUN --structure fair-identity --method fair-identity --set groups=2 --set "
    "column=ita_cutis",
    notes={
        "phantom-tone": "Nothing moves, neither gap nor accuracy: one attention layer over the last features "
        "comes after tone and diagnosis are mixed already. The paper is about retinal images, and "
        "a change of imaging technology, which is not in this world.",
        "ham10000": "Not shown. AUROC of malignant falls by 0.02, balanced accuracy rises by 0.03, if "
        "anything, and tones are no nearer to each other.",
    },
    trials=(
        Trial(
            "phantom-tone",
            metrics.gap(),
            method={
                "structure": "fair-identity",
                "structure_settings": {"groups": 2},
                "method": "fair-identity",
                "method_settings": {"column": "tone"},
            },
            beside=(metrics.within("bias", "against"), metrics.BALANCED_ACCURACY),
        ),
        Trial(
            "ham10000",
            metrics.worst("tone"),
            method={
                "structure": "fair-identity",
                "structure_settings": {"groups": 2},
                "method": "fair-identity",
                "method_settings": {"column": "tone"},
            },
            beside=metrics.IN_GROUPS,
        ),
    ),
)
