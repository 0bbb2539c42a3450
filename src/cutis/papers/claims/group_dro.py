from __future__ import annotations

from cutis.papers import metrics
from cutis.papers.claim import Claim, Trial

CLAIM = Claim(
    id="group-dro",
    title="Group DRO",
    citation='Sagawa, Koh, Hashimoto & Liang, "Distributionally robust neural networks for group shifts", ICLR '
    "2020, arXiv:1911.08731.",
    claim="Minimising the loss of the worst group makes the worst group better off.",
    idea="Each group has a share of the loss, and shares grow where the loss is high.",
    equation="q_g <- q_g exp(eta (l_g + C / sqrt(n_g))), scaled to sum to one; L = sum_g q_g l_g",
    differences="Batches are drawn as usual, not by group (resample beside it does that); images of unknown group "
    "keep their weight; the loss isn't logit-adjusted, the baseline's is. No early stopping by the worst group.",
    where="train/objectives/group_dro.py",
    use="cutis train DATA --out RUN --method group-dro --set column=artefact_ruler",
    notes={
        "phantom-patch": "The gap goes whole; where patch and class disagree balanced accuracy rises from 0.13 to "
        "0.63. It is told the patch of each training image; the oracle, which never saw the bias, "
        "reaches 0.70 overall, this 0.65.",
        "ham10000": "Not shown: the worst group gains 0.02, if anything, and AUROC of malignant falls by "
        "0.03. With a logit-adjusted loss it corrected for the classes twice and lost a fifth of "
        "balanced accuracy.",
    },
    trials=(
        Trial(
            "phantom-patch",
            metrics.gap(),
            method={"method": "group-dro", "method_settings": {"column": "patch"}},
            beside=(metrics.within("bias", "against"), metrics.BALANCED_ACCURACY),
        ),
        Trial(
            "ham10000",
            metrics.worst("ruler"),
            method={"method": "group-dro", "method_settings": {"column": "ruler"}},
            beside=metrics.IN_GROUPS,
        ),
    ),
)
