from __future__ import annotations

from cutis.papers import metrics
from cutis.papers.claim import Claim, Trial

CLAIM = Claim(
    id="rewriting-model-decision",
    title="Rewriting a model's decision",
    citation='Yan et al., "Towards Trustable Skin Cancer Diagnosis via Rewriting Model\'s Decision", CVPR 2023, '
    "arXiv:2303.00885.",
    claim="A person's rule, such as not ruler, removes confounding behaviour from a model, with a few exemplars of "
    "the concept and no full labels.",
    idea="Confounders are found by clustering what answers rest on; a person names them and marks a few exemplars; "
    "the slope of the answer along each forbidden concept is penalised.",
    equation="L = L_class + s mean over images of sum over forbidden k, c of (d log p_c / d a_k)^2",
    differences="The network learns on as a whole and keeps its head, where theirs is frozen below a layer of "
    "concepts; directions are shifts within a diagnosis and follow the features. Clusters are of features, not of "
    "heat maps (train/confounders.py, from Python).",
    where="train/objectives/rewriting.py",
    use='cutis train DATA --out RUN --method rewriting --set rule="not artefact_ruler"',
    notes={
        "phantom-patch": "A ninth of the gap goes, with an interval that holds zero. The penalty is on the slope "
        "along one direction of the features, and the patch can be told along others; a greater "
        "strength was not tried.",
        "ham10000": "Worse, with an interval that ends at zero, and AUROC of malignant falls by 0.04. Rulers "
        "are few, and one direction of the features stands for them all.",
    },
    trials=(
        Trial(
            "phantom-patch",
            metrics.gap(),
            method={"method": "rewriting", "method_settings": {"rule": "not patch"}},
            beside=(metrics.within("bias", "against"), metrics.BALANCED_ACCURACY),
        ),
        Trial(
            "ham10000",
            metrics.worst("ruler"),
            method={"method": "rewriting", "method_settings": {"rule": "not ruler"}},
            beside=metrics.IN_GROUPS,
        ),
    ),
)
