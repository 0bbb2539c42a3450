"""What is answered as an attack's size grows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from cutis.errors import CutisError
from cutis.models.attacks.base import Attack, Model, length

Decide = Callable[[torch.Tensor], torch.Tensor]


def likeliest(logits: torch.Tensor) -> torch.Tensor:
    """(n,) the class with the largest logit."""
    return logits.argmax(1)


def answers(
    model: Model,
    images: torch.Tensor,
    target: torch.Tensor,
    attack: Attack,
    epsilons: Sequence[float],
    rng: np.random.Generator,
    *,
    decide: Decide = likeliest,
) -> np.ndarray:
    """(len(epsilons), n) int64: each image's answer under the attack, where it does its worst.

    epsilons: rising, from 0 (which is no attack). decide: from logits to answers. An image that is answered wrongly at
    one size keeps that answer at every larger one, since the change that did it is allowed there too; so the share of
    right answers never rises, and only images that still are right are attacked. Raises CutisError for sizes that fall.
    """
    if list(epsilons) != sorted(epsilons):
        raise CutisError(f"attack: epsilons {', '.join(f'{e:g}' for e in epsilons)}; expected them rising.")

    def answered(x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return decide(model(x))

    now = answered(images)
    found = now.repeat(len(epsilons), 1)
    right = (now == target).nonzero()[:, 0]
    if attack.smallest:
        if len(right) and epsilons[-1] > 0:
            changed = attack.run(model, images[right], target[right], epsilons[-1], rng)
            said, far = answered(changed), length(changed - images[right], attack.norm)
            for i, epsilon in enumerate(epsilons):
                found[i, right] = torch.where(far <= epsilon, said, now[right])
        return found.numpy()
    for i, epsilon in enumerate(epsilons):
        if epsilon > 0 and len(right):
            changed = attack.run(model, images[right], target[right], epsilon, rng)
            found[i:, right] = answered(changed)
            right = right[found[i, right] == target[right]]
    return found.numpy()


def segmented(
    model: Model,
    images: torch.Tensor,
    masks: torch.Tensor,
    attack: Attack,
    epsilons: Sequence[float],
    rng: np.random.Generator,
) -> np.ndarray:
    """(len(epsilons), n, h, w): a segmenter's answers under the attack: class numbers, or 0 and 1 if it has one logit.

    masks: (n, h, w), the truth. Raises CutisError for an attack that doesn't work on segmenters.
    """
    if not attack.segments:
        raise CutisError(f"{attack.name} is for classifiers; segmenters can be attacked by fgsm, pgd and pgd-l2.")
    found = []
    for epsilon in epsilons:
        changed = attack.run(model, images, masks, epsilon, rng) if epsilon > 0 else images
        with torch.no_grad():
            logits = model(changed)
        found.append((logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(1))
    return torch.stack(found).numpy()
