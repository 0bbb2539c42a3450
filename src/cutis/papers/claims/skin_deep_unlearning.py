from __future__ import annotations

from cutis.papers import metrics
from cutis.papers.claim import Claim, Trial

CLAIM = Claim(
    id="skin-deep-unlearning",
    title="Skin Deep Unlearning",
    citation='Bevan & Atapour-Abarghouei, "Skin Deep Unlearning: Artefact and Instrument Debiasing in the Context '
    'of Melanoma Classification", ICPR 2022, arXiv:2109.09818; Alvi, Zisserman & Nellaker, "Turning a Blind Eye", '
    "ECCV workshops 2018.",
    claim="Unlearning rulers, surgical markings and instruments mitigates the bias that they bring into melanoma "
    "classification.",
    idea="A head learns to tell the artefact from features that are held still, and the features learn to confuse "
    "it: its answer should be the same for all groups.",
    equation="L = L_class + CE(h(stop(f)), artefact) - s (1 / N) sum_k log q_k, q from a head held still",
    differences="One optimiser and one step, and strength 0.5, as the authors' 0.03 moved nothing in either world. "
    "Artefacts are planted, or found by our detectors. Both of the paper's "
    "ways are methods; the trial takes tabe. Where the artefact nearly is the diagnosis, unlearning it takes from "
    "the diagnosis too; within=class, which is ours, unlearns only the rest.",
    where="train/objectives/unlearning.py",
    use="cutis train DATA --out RUN --method tabe --set column=artefact_ruler --set strength=0.5",
    notes={
        "phantom-patch": "A third of the gap goes, and accuracy rises with it. The rest stays: where nine in ten "
        "naevi have the patch, confusing a head about it takes from the diagnosis as well.",
        "ham10000": "In the direction of the claim for rulers, worst group and AUROC gap, with intervals that "
        "hold zero. Before the head weighed groups alike (9 % of the test pictures have a ruler), "
        "balanced accuracy fell from 0.44 to 0.30.",
    },
    trials=(
        Trial(
            "phantom-patch",
            metrics.gap(),
            method={"method": "tabe", "method_settings": {"column": "patch", "strength": 0.5}},
            beside=(metrics.within("bias", "against"), metrics.BALANCED_ACCURACY),
        ),
        Trial(
            "ham10000",
            metrics.worst("ruler"),
            method={"method": "tabe", "method_settings": {"column": "ruler", "strength": 0.5}},
            beside=metrics.IN_GROUPS,
        ),
    ),
)
