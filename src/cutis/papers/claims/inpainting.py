from __future__ import annotations

from cutis.papers import metrics
from cutis.papers.claim import Claim, Trial

CLAIM = Claim(
    id="inpainting",
    title="Artefacts painted over",
    citation='Lee et al., "DullRazor", Comput. Biol. Med. 27, 1997; Telea, "An image inpainting technique based on '
    'the fast marching method", J. Graphics Tools 9, 2004.',
    claim="What is painted over can't be learned: without hair, rulers and ink in the training images, a classifier "
    "no longer goes by them.",
    idea="Detectors find the artefact, and what they find is filled in from its surroundings.",
    equation="x' = fill(x, mask of what the detectors find in x)",
    differences="Rulers and ink besides hair. In training only: the bundle sees photographs as they are. What a "
    "detector doesn't see stays, and it sees less in pictures of 80 pixels than in real ones.",
    where="train/objectives/inpaint.py",
    use="cutis train DATA --out RUN --method inpaint --set artefacts=hair,ruler,ink",
    notes={
        "phantom-hair": "Half of the gap goes, and accuracy rises where hair and class disagree. What is left "
        "probably comes of hairs too fine for the detector, and of traces of painting.",
        "ham10000": "Nothing moves, unlike in the hair world, where hair nearly is the diagnosis. The "
        "detectors find only what is obvious.",
    },
    trials=(
        Trial(
            "phantom-hair",
            metrics.gap(),
            method={"method": "inpaint", "method_settings": {"artefacts": "hair"}},
            beside=(metrics.within("bias", "against"), metrics.BALANCED_ACCURACY),
        ),
        Trial(
            "ham10000",
            metrics.worst("ruler"),
            method={"method": "inpaint"},
            beside=metrics.IN_GROUPS,
        ),
    ),
)
