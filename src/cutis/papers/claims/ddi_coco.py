from __future__ import annotations

from cutis.papers import metrics
from cutis.papers.claim import Claim, Trial

CLAIM = Claim(
    id="ddi-coco",
    title="Colour contrast as a nuisance (DDI-CoCo)",
    citation='Chiu et al., "DDI-CoCo: A dataset for understanding the effect of color contrast in machine-assisted '
    'skin disease detection", arXiv:2401.13280.',
    claim="Besides skin tone, the colour contrast of lesion and skin divides the images a classifier does well on "
    "from those it doesn't; here: learning for the worse of the two groups narrows that gap.",
    idea="The contrast ratio of the mean colours of lesion and skin splits images into a high and a low half. As a "
    "group of its own it can be audited, reweighted or unlearned like any other.",
    equation="contrast = (Y_1 + 0.05) / (Y_2 + 0.05), Y_1 the lighter of lesion and skin; then group DRO over its "
    "halves",
    differences="The paper measures the gap and proposes no cure; the gap stands beside the effect. Contrast is of "
    "all pixels inside and outside a lesion mask, not of three points that a person picked.",
    where="image/tone/contrast.py",
    use="cutis tone DATA; cutis columns DATA DATA/tone.parquet; cutis train DATA --out RUN --method group-dro --set "
    "column=contrast_coco:2",
    notes={
        "ham10000": "The paper's gap itself isn't there: balanced accuracy at high and low contrast differs "
        "by 0.02, AUROC by 0.02. With nothing to close, group DRO closes nothing, and takes 0.05 "
        "of balanced accuracy.",
    },
    trials=(
        Trial(
            "ham10000",
            metrics.worst("contrast"),
            method={"method": "group-dro", "method_settings": {"column": "contrast"}},
            beside=(metrics.gap("contrast", "high", "low"), *metrics.IN_GROUPS),
        ),
    ),
)
