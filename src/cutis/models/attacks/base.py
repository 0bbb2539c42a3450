"""What every attack is given and gives back, its loss, and the gradient that it follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch.nn import functional as F

from cutis.errors import CutisError

Norm = Literal["inf", "2"]
# Float images (n, 3, h, w) in 0..1 -> logits; the network's own normalisation is inside.
Model = Callable[[torch.Tensor], torch.Tensor]
# (model, images, target, epsilon, rng) -> images of the same shape, none farther than epsilon.
Run = Callable[[Model, torch.Tensor, torch.Tensor, float, np.random.Generator], torch.Tensor]


@dataclass(frozen=True)
class Attack:
    """A way to change images little and answers much.

    run: see `Run`. norm: "inf", the largest change of a channel of a pixel, or "2", the Euclidean length of the whole
    change; both of images in 0..1, so 1/255 is one grey level. smallest: it looks for the smallest change that it can,
    so that one run with a large epsilon answers every smaller one. segments: it also works on segmenters.
    """

    name: str
    norm: Norm
    words: str
    source: str
    run: Run
    smallest: bool = False
    segments: bool = True


def loss_of(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Each image's loss, (n,): cross-entropy with the truth, of a segmenter the mean over its pixels.

    logits, target: of a classifier (n, classes) and (n,) class numbers; of a segmenter (n, classes, h, w) and (n, h, w)
    class numbers, or (n, 1, h, w), where above 0 is lesion, and (n, h, w) of 0 and 1. Raises CutisError for others.
    """
    expected = (len(logits), *logits.shape[2:])
    if logits.ndim not in (2, 4) or tuple(target.shape) != expected:
        raise CutisError(
            f"attack: logits of shape {tuple(logits.shape)} with targets of shape {tuple(target.shape)}; expected "
            "(n, classes) with (n,), or (n, classes, h, w) with (n, h, w)."
        )
    if logits.shape[1] == 1:
        each = F.binary_cross_entropy_with_logits(logits[:, 0], target.to(logits.dtype), reduction="none")
    else:
        each = F.cross_entropy(logits, target.long(), reduction="none")
    return each.reshape(len(logits), -1).mean(1)


def gradient(model: Model, images: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Of each image's loss, by its pixels: the shape of `images`."""
    with torch.enable_grad():
        x = images.detach().requires_grad_(True)
        (found,) = torch.autograd.grad(loss_of(model(x), target).sum(), x)
    return found


def length(change: torch.Tensor, norm: Norm) -> torch.Tensor:
    """(n,) size of each image's change: its largest entry ("inf") or its Euclidean length ("2")."""
    flat = change.flatten(1).double()
    return flat.abs().amax(1) if norm == "inf" else torch.linalg.vector_norm(flat, dim=1)


def check(images: torch.Tensor, epsilon: float) -> None:
    """Raise CutisError unless `images` is (n, 3, h, w) of floats in 0..1 and epsilon a number from 0."""
    if images.ndim != 4 or not images.is_floating_point() or not len(images):
        raise CutisError(
            f"attack: images are {images.dtype} {tuple(images.shape)}; expected floats (n, 3, h, w), n >= 1, in 0..1."
        )
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= 1):  # NaN fails too
        raise CutisError(f"attack: images hold values {low:g}..{high:g}; expected 0..1. Divide 8-bit pixels by 255.")
    if not 0 <= epsilon < torch.inf:
        raise CutisError(f"attack: epsilon is {epsilon}; expected a number from 0, such as {2 / 255:.4f} (2/255).")
