from __future__ import annotations

from cutis.papers import metrics
from cutis.papers.claim import Claim, Trial
from cutis.papers.looks import under_corruption

WORLDS = ("phantom", "ham10000")
TAUGHT, CLEAN, OTHERS = (metrics.within("seen", how) for how in ("medmnistc", "clean", "skin"))

CLAIM = Claim(
    id="medmnist-c",
    title="Targeted corruptions as augmentation",
    citation='Di Salvo, Doerrich & Ledig, "MedMNIST-C: Comprehensive benchmark and improved classifier robustness by '
    'simulating realistic image corruptions", arXiv:2406.17536.',
    claim="Training with the modality's own corruptions makes a classifier much more robust to them.",
    idea="What happens to pictures of a modality (here dermoscopy: noise, blur, light, dark corners) is known, so it "
    "is simulated while learning, at random strength.",
    equation="x <- c(x, s) with probability 1/2, c drawn from the 15 corruptions of DermaMNIST-C, s from 1..5",
    differences="Tested at severity 3 of each corruption, as balanced accuracy over all; beside it stand clean "
    "pictures and the suite `skin`, which wasn't taught.",
    where="train/augment.py",
    use="cutis train DATA --out RUN --augment-suite medmnistc",
    notes={
        "phantom": "Not shown: as good under the corruptions it trained with, and worse, by 0.08, on clean "
        "pictures and under other shifts. Probably a small network in ten passes has enough to do "
        "with clean ones.",
        "ham10000": "Nothing gained under the corruptions, as in the phantom; less accurate on clean "
        "pictures, if anything.",
    },
    trials=tuple(
        Trial(
            world,
            TAUGHT,
            method={"augment_suite": "medmnistc"},
            beside=(CLEAN, OTHERS),
            examine=under_corruption("medmnistc", "skin"),
        )
        for world in WORLDS
    ),
)
