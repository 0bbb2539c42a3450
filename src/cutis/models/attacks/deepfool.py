"""DeepFool: the nearest border between two classes if the network were linear, again and again until it is crossed.

    w_k = d(f_k - f_y)/dx,  l = argmin over k != y of |f_k - f_y| / |w_k|_2,  r = |f_l - f_y| / |w_l|_2^2 * w_l
    x' = clip(x + (1 + overshoot) * sum of r, 0, 1), until the answer is no longer y

Source: Moosavi-Dezfooli, Fawzi & Frossard, "DeepFool: a simple and accurate method to fool deep neural networks", CVPR
2016, arXiv:1511.04599, algorithm 2; the classes it looks at are the likeliest few, as in the authors' code. Of a linear
model it finds the smallest change there is (times 1 + overshoot). For classifiers only: no published form of it for
segmenters is known to us.
"""

from __future__ import annotations

import numpy as np
import torch

from cutis.errors import CutisError
from cutis.models.attacks.base import Model, check, length

STEPS = 50
OVERSHOOT = 0.02
CANDIDATES = 10


def deepfool(
    model: Model,
    images: torch.Tensor,
    target: torch.Tensor,
    *,
    steps: int = STEPS,
    overshoot: float = OVERSHOOT,
    candidates: int = CANDIDATES,
) -> torch.Tensor:
    """Images that are no longer answered `target` (n,), each as near to the original as was found (Euclidean).

    An image that is answered otherwise from the start is returned as it is; one that resists for `steps` steps, as far
    as it came. candidates: classes looked at, the likeliest first, `target` among them.
    Raises CutisError for images outside 0..1, and for logits that are not (n, 2 or more classes).
    """
    check(images, 0.0)
    with torch.no_grad():
        logits = model(images)
    if logits.ndim != 2 or logits.shape[1] < 2:
        raise CutisError(f"deepfool: logits of shape {tuple(logits.shape)}; expected (n, classes), 2 classes or more.")
    others = logits.scatter(1, target[:, None], -torch.inf).argsort(1, descending=True)
    others = others[:, : min(candidates, logits.shape[1]) - 1]
    changed, moved = images.clone(), torch.zeros_like(images)
    live = logits.argmax(1) == target
    for _ in range(steps):
        at = live.nonzero()[:, 0]
        if not len(at):
            break
        moved[at] += _to_border(model, changed[at], target[at], others[at])
        changed[at] = (images[at] + (1 + overshoot) * moved[at]).clamp(0, 1)
        with torch.no_grad():
            live[at] = model(changed[at]).argmax(1) == target[at]
    return changed


def _to_border(model: Model, x: torch.Tensor, target: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """The step to the nearest border of the linearised network; none where no class has a slope."""
    shape = (-1, *[1] * (x.ndim - 1))
    best = torch.full((len(x),), torch.inf, dtype=x.dtype)
    step = torch.zeros_like(x)
    with torch.enable_grad():
        x = x.detach().requires_grad_(True)
        logits = model(x)
        own = logits.gather(1, target[:, None])[:, 0]
        for k in range(others.shape[1]):
            gap = logits.gather(1, others[:, k : k + 1])[:, 0] - own
            (slope,) = torch.autograd.grad(gap.sum(), x, retain_graph=True)
            size = torch.linalg.vector_norm(slope.flatten(1), dim=1)
            far = torch.where(size > 0, gap.detach().abs() / size, torch.inf)
            nearer = far < best
            best = torch.where(nearer, far, best)
            found = (far / size).reshape(shape) * slope
            step = torch.where(nearer.reshape(shape), found, step)
    return step


def within(
    model: Model, images: torch.Tensor, target: torch.Tensor, epsilon: float, rng: np.random.Generator
) -> torch.Tensor:
    """`deepfool` as an attack of size `epsilon`: an image that needs more is returned as it is. rng: draws nothing."""
    check(images, epsilon)
    found = deepfool(model, images, target)
    near = length(found - images, "2") <= epsilon
    return torch.where(near.reshape(-1, *[1] * (images.ndim - 1)), found, images)
