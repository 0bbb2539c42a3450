from __future__ import annotations

from cutis.papers import metrics
from cutis.papers.claim import Claim, Trial

CLAIM = Claim(
    id="circle",
    title="CIRCLe",
    citation='Pakzad, Abhishek & Hamarneh, "CIRCLe: Color Invariant Representation Learning for Unbiased '
    'Classification of Skin Lesions", ECCV workshops 2022, arXiv:2208.13528.',
    claim="Asking for the same features of a lesion on another skin makes a classifier fairer between skin types, "
    "and no less accurate.",
    idea="Each image is also shown with another skin tone; the distance between the features of the two is added to "
    "the loss.",
    equation="L = L_class + s mean d(f(x), f(T(x))), d the squared distance a feature",
    differences="T is a change of melanin, not a StarGAN: it needs no labels and no training, and refuses what it "
    "can't change believably. One counterpart an image, drawn once and posed as the image is. The paper's measures "
    "are the normalised accuracy range and the equal-opportunity difference over Fitzpatrick types; here it is "
    "balanced accuracy by group of tone.",
    where="train/objectives/circle.py",
    use="cutis train DATA --out RUN --method circle --set strength=1",
    notes={
        "phantom-tone": "Almost a third of the gap goes, and accuracy rises (0.70 to 0.71; by 0.04 where tone and "
        "class disagree), as claimed. At the default strength; counterparts that can't be changed "
        "believably are left out.",
        "ham10000": "Nothing moves, at nearly twice the time. The worst tone's balanced accuracy rests on "
        "classes of two to ten pictures.",
    },
    trials=(
        Trial(
            "phantom-tone",
            metrics.gap(),
            method={"method": "circle"},
            beside=(metrics.within("bias", "against"), metrics.BALANCED_ACCURACY),
        ),
        Trial(
            "ham10000",
            metrics.worst("tone"),
            method={"method": "circle"},
            beside=metrics.IN_GROUPS,
        ),
    ),
)
