"""PGD, projected gradient descent: many small steps up the loss, each brought back to within epsilon.

    x_0 drawn evenly from the ball;  x_(t+1) = P(x_t + a * g_t),  t = 0..steps-1
    g_t = sign(dL/dx) for "inf", (dL/dx) / |dL/dx|_2 for "2";  P: nearest point of ball and cube (`project`)

Source: Madry et al., "Towards deep learning models resistant to adversarial attacks", ICLR 2018, arXiv:1706.06083,
section 2.1; a = 2.5 epsilon / steps as in its code's challenges. What we do differently: P is the exact projection onto
the ball and 0..1 together, where usual code clips after it has projected.
"""

from __future__ import annotations

import numpy as np
import torch

from cutis.errors import CutisError
from cutis.models.attacks.base import Model, Norm, check, gradient
from cutis.models.attacks.project import project

STEPS = 20
REACH = 2.5  # how many times epsilon all steps together would go


def pgd(
    model: Model,
    images: torch.Tensor,
    target: torch.Tensor,
    epsilon: float,
    rng: np.random.Generator | None,
    *,
    norm: Norm = "inf",
    steps: int = STEPS,
    step: float | None = None,
) -> torch.Tensor:
    """Changed `images`, at most `epsilon` away. target: the truth, see `base.loss_of`.

    rng: draws where it starts; None starts at the image. step: length of a step; None is 2.5 epsilon / steps.
    Raises CutisError for images outside 0..1, a negative epsilon, or no step.
    """
    check(images, epsilon)
    if steps < 1:
        raise CutisError(f"pgd: steps is {steps}; expected 1 or more.")
    step = REACH * epsilon / steps if step is None else step
    x = images if rng is None else project(images, images + _start(images, epsilon, norm, rng), epsilon, norm)
    for _ in range(steps):
        found = gradient(model, x, target)
        x = project(images, x + step * _direction(found, norm), epsilon, norm)
    return x


def _direction(found: torch.Tensor, norm: Norm) -> torch.Tensor:
    if norm == "inf":
        return found.sign()
    size = torch.linalg.vector_norm(found.flatten(1), dim=1).reshape(-1, *[1] * (found.ndim - 1))
    return torch.where(size > 0, found / size.clamp(min=torch.finfo(found.dtype).tiny), 0.0)


def _start(images: torch.Tensor, epsilon: float, norm: Norm, rng: np.random.Generator) -> torch.Tensor:
    """A point drawn evenly from the ball around 0."""
    n, shape = len(images), tuple(images.shape)
    if norm == "inf":
        drawn = rng.uniform(-epsilon, epsilon, shape)
    else:
        flat = rng.standard_normal((n, images[0].numel()))
        radius = epsilon * rng.uniform(size=(n, 1)) ** (1 / flat.shape[1])
        drawn = (flat * radius / np.linalg.norm(flat, axis=1, keepdims=True)).reshape(shape)
    return torch.from_numpy(drawn).to(images)
