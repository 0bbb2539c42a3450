from __future__ import annotations

from cutis.papers import metrics
from cutis.papers.claim import Claim, Trial
from cutis.papers.looks import under_attack

EPSILON = 1 / 255
ATTACKED, CLEAN = metrics.within("seen", "attacked"), metrics.within("seen", "clean")
LOST = metrics.gap("seen", "clean", "attacked")

CLAIM = Claim(
    id="adversarial-medical",
    title="Ranking by robustness; adversarial training",
    citation='Paschali et al., "Generalizability vs. robustness: Adversarial examples for medical imaging", MICCAI '
    "2018, arXiv:1804.00504; adversarial training: Madry et al., ICLR 2018, arXiv:1706.06083.",
    claim="Models that are about equally accurate on clean pictures can lose very differently under attack, so they "
    "should be ranked by that too.",
    idea="Two models are made that see the same pictures; half of one's are attacked while it learns. Clean accuracy "
    "hardly tells them apart, accuracy under PGD does.",
    equation="rank by a(clean) - a(attacked) among models with |a(clean) - best| <= margin",
    differences="The models differ by adversarial training, not by architecture (Inception, MobileNet there), and the "
    "attack is PGD of one grey level, 10 steps, on 200 test pictures; the ranking itself is `cutis rank`.",
    where="train/objectives/adversarial.py",
    use="cutis train DATA --out RUN --method adversarial [--set epsilon=0.0078] [--set steps=3]; "
    "cutis rank BUNDLE BUNDLE --data DATA",
    notes={
        "phantom": "Of pictures under attack 0.35 are right instead of 0.31, and the loss to it falls from "
        "0.11 to 0.04, while clean accuracy differs by less than its interval tells: two models "
        "that a test set can't tell apart, and the attack can.",
        "ham10000": "Balanced accuracy under attack is 0.43 instead of 0.31, and clean accuracy no lower. At "
        "one grey level, and with networks that learned for ten passes; larger changes were not "
        "tried.",
    },
    trials=tuple(
        Trial(
            world,
            ATTACKED,
            method={"method": "adversarial", "method_settings": {"epsilon": EPSILON, "steps": 2}},
            beside=(CLEAN, LOST),
            examine=under_attack(EPSILON),
        )
        for world in ("phantom", "ham10000")
    ),
)
