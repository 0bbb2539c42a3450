from __future__ import annotations

from cutis.papers import metrics
from cutis.papers.claim import Claim, Trial

CLAIM = Claim(
    id="disc",
    title="DISC (Discover and Cure)",
    citation='Wu, Yuksekgonul, Zhang & Zou, "Discover and Cure: Concept-aware mitigation of spurious correlation", '
    "ICML 2023, arXiv:2305.00650.",
    claim="Mixing concepts whose influence is unstable between environments into the other classes' images "
    "mitigates spurious correlation and generalises better.",
    idea="Images of a class fall into environments by what the network makes of them; a concept that pulls "
    "differently in each is spurious, and is laid on the images of the other classes until it tells nothing.",
    equation="I(e, k, c) = softmax_c(-eta (v_k . G_e,c + b_e,c)); p_c(k) ~ std over e of I; x' = l x + (1 - l) x_k "
    "for classes other than c",
    differences="Concepts are columns, found by a detector or a person, not a bank of web images; directions are "
    "ridged discriminants; environments are k-means in features and correctness; a share of each batch is mixed, "
    "with images of the same batch, of the same class where one shows the concept.",
    where="train/objectives/disc.py",
    use="cutis train DATA --out RUN --method disc --set concepts=artefact_ruler,artefact_ink",
    notes={
        "phantom-patch": "Almost a third of the gap goes, and where patch and class disagree balanced accuracy "
        "rises from 0.12 to 0.32. At first pictures of any class were mixed in, pale and with the "
        "wrong lesion, and nothing moved.",
        "ham10000": "Nothing moves, neither worst group nor gaps. Artefacts go with the diagnosis far more "
        "weakly here than where they were planted, so there is little to find between "
        "environments.",
    },
    trials=(
        Trial(
            "phantom-patch",
            metrics.gap(),
            method={"method": "disc", "method_settings": {"concepts": "patch"}},
            beside=(metrics.within("bias", "against"), metrics.BALANCED_ACCURACY),
        ),
        Trial(
            "ham10000",
            metrics.worst("ruler"),
            method={"method": "disc", "method_settings": {"concepts": "ruler,hair,ink"}},
            beside=metrics.IN_GROUPS,
        ),
    ),
)
