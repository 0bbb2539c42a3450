"""The nearest image that is allowed: within epsilon of the original, and with every value in 0..1."""

from __future__ import annotations

import torch

from cutis.models.attacks.base import Norm


def project(images: torch.Tensor, moved: torch.Tensor, epsilon: float, norm: Norm) -> torch.Tensor:
    """Of each of `moved`, the point of {z in 0..1 : |z - image| <= epsilon} that is nearest to it (Euclidean).

    images, moved: (n, ...), images in 0..1. Exact up to the rounding of the images' own float type.
    """
    if norm == "inf":
        return torch.minimum(torch.maximum(moved, (images - epsilon).clamp(min=0)), (images + epsilon).clamp(max=1))
    return _onto_ball(images, moved, epsilon)


def _onto_ball(images: torch.Tensor, moved: torch.Tensor, epsilon: float) -> torch.Tensor:
    """The nearest point of a ball cut by the cube 0..1.

    By its KKT conditions it is clip(x + s (y - x), 0, 1) for one s in 0..1: the largest whose length is at most
    epsilon. That length grows with s, piece by piece: a coordinate grows until it meets the cube, then stands.
    """
    x, step = images.flatten(1).double(), (moved - images).flatten(1).double()
    size = step.abs()
    room = torch.where(step > 0, 1 - x, x)
    # The s at which each coordinate meets the cube; one that doesn't move is met by none, and comes last.
    meets, order = torch.where(size > 0, room / size, torch.inf).sort(1)
    stood = torch.gather(room, 1, order).square()
    moving = torch.gather(size, 1, order).square()
    standing = stood.cumsum(1) - stood  # squared length of the coordinates that met it before this one
    growing = moving.flip(1).cumsum(1).flip(1)  # of this one and those after it, at s = 1
    over = standing + meets.square() * growing >= epsilon**2  # not where inf * 0, which is NaN
    at = over.to(torch.uint8).argmax(1, keepdim=True)  # the first; 0 if none
    rest = (epsilon**2 - torch.gather(standing, 1, at)).clamp(min=0)
    s = (rest / torch.gather(growing, 1, at).clamp(min=1e-300)).sqrt().clamp(max=1)
    s = torch.where(over.any(1, keepdim=True), s, 1.0)
    nearest = x + step.sign() * torch.minimum(s * size, room)
    return nearest.to(images.dtype).reshape(images.shape).clamp(0, 1)
