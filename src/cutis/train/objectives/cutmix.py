"""CutMix: learn from images with a rectangle of another in them, with labels blended by area.

Yun et al., "CutMix: Regularization strategy to train strong classifiers with localizable features", ICCV 2019,
arXiv:1905.04899, equations 1-2: x = M x_i + (1 - M) x_j, y = s y_i + (1 - s) y_j; M is 0 in a rectangle of sides
W sqrt(1 - s) and H sqrt(1 - s) about a point drawn evenly, s ~ Beta(a, a), then set to the share of pixels that M
keeps. Here every image draws its own rectangle, not each batch.
"""

from __future__ import annotations

import torch

from cutis.train.objectives.mixup import Blend


class CutMix(Blend):
    """a: of the blend's Beta(a, a), above 0."""

    name = "cutmix"

    def __init__(self, a: float = 1.0) -> None:
        super().__init__(a)

    def blended(
        self, images: torch.Tensor, other: torch.Tensor, share: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        kept = outside(share, *images.shape[2:])
        return torch.where(kept, images, other), kept.float().mean((1, 2, 3))


def outside(share: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """(b, 1, height, width) bool: False in a rectangle of about 1 - share (b,) of each picture, cut off at its edge."""
    n, device = len(share), share.device
    cut = (1 - share).sqrt() / 2
    keep = []
    for side, axis in ((height, 1), (width, 2)):
        centre = torch.rand(n, device=device) * side
        at = torch.arange(side, device=device) + 0.5
        away = (at - centre[:, None]).abs() >= (cut * side)[:, None]
        keep.append(away.unsqueeze(3 - axis))
    return (keep[0] | keep[1])[:, None]
