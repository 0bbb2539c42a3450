"""Adversarial attacks on classifiers and segmenters: small changes of an image, sought so that the answer is wrong.

They say how far a network can be pushed, not what happens by accident: see docs/explanation/shift.md. Images are floats
in 0..1, the network's normalisation is inside the model, and sizes (epsilon) are of these images.
"""

from __future__ import annotations

from functools import partial

from cutis.errors import CutisError, nearest
from cutis.models.attacks.base import Attack
from cutis.models.attacks.curve import answers, segmented
from cutis.models.attacks.deepfool import deepfool, within
from cutis.models.attacks.fgsm import fgsm
from cutis.models.attacks.pgd import pgd

__all__ = ["ATTACKS", "Attack", "answers", "deepfool", "fgsm", "find_attack", "pgd", "segmented"]

ATTACKS: dict[str, Attack] = {
    attack.name: attack
    for attack in (
        Attack(
            "fgsm",
            "inf",
            "one step, every value moved by epsilon",
            "Goodfellow et al., ICLR 2015, arXiv:1412.6572",
            lambda model, images, target, epsilon, rng: fgsm(model, images, target, epsilon),
        ),
        Attack(
            "pgd",
            "inf",
            "20 steps from a random start, no value moved by more than epsilon",
            "Madry et al., ICLR 2018, arXiv:1706.06083",
            pgd,
        ),
        Attack(
            "pgd-l2",
            "2",
            "20 steps from a random start, the whole change no longer than epsilon",
            "Madry et al., ICLR 2018, arXiv:1706.06083",
            partial(pgd, norm="2"),
        ),
        Attack(
            "deepfool",
            "2",
            "the nearest border between classes, by linear steps",
            "Moosavi-Dezfooli et al., CVPR 2016, arXiv:1511.04599",
            within,
            smallest=True,
            segments=False,
        ),
    )
}


def find_attack(name: str) -> Attack:
    """The attack of that name. Raises CutisError naming the nearest."""
    if name not in ATTACKS:
        raise CutisError(f'attack "{name}": {nearest(name, ATTACKS)}')
    return ATTACKS[name]
