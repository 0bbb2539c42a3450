"""FGSM, the fast gradient sign method: one step, every value moved by epsilon to where the loss rises.

    x' = clip(x + epsilon * sign(dL(f(x), y) / dx), 0, 1)

Source: Goodfellow, Shlens & Szegedy, "Explaining and harnessing adversarial examples", ICLR 2015, arXiv:1412.6572,
section 4. Of a linear model it is the worst change of that size; of a network it is the weakest attack here.
"""

from __future__ import annotations

import torch

from cutis.models.attacks.base import Model, check, gradient
from cutis.models.attacks.project import project


def fgsm(model: Model, images: torch.Tensor, target: torch.Tensor, epsilon: float) -> torch.Tensor:
    """Changed `images`, at most `epsilon` away in every value. target: the truth, see `base.loss_of`."""
    check(images, epsilon)
    step = epsilon * gradient(model, images, target).sign()
    return project(images, images + step, epsilon, "inf")
