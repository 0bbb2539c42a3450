"""CutMix: learn from images with a rectangle of another in them, with labels blended by area.

Yun et al., "CutMix: Regularization strategy to train strong classifiers with localizable features", ICCV 2019,
arXiv:1905.04899, equations 1-2: x = M x_i + (1 - M) x_j, y = s y_i + (1 - s) y_j; M is 0 in a rectangle of sides
W sqrt(1 - s) and H sqrt(1 - s) about a point drawn evenly, s ~ Beta(a, a), then set to the share of pixels that M
keeps. Here every image draws its own rectangle, not each batch.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from cutis.errors import CutisError
from cutis.models.network import Network
from cutis.train.objectives.base import Batch, Moment, TrainingData
from cutis.train.objectives.mixup import one_hot
from cutis.train.objectives.parts import Part


class CutMix(Part):
    """a: of the blend's Beta(a, a), above 0."""

    name = "cutmix"
    blends = True

    def __init__(self, a: float = 1.0) -> None:
        super().__init__()
        if a <= 0:
            raise CutisError(f"setting a = {a:g}: expected above 0.")
        self.a = a

    def prepare(self, data: TrainingData, network: Network) -> None:
        self.classes = len(data.codes)

    def change(self, batch: Batch, now: Moment) -> Batch:
        n = len(batch.target)
        share = torch.distributions.Beta(self.a, self.a).sample((n,)).to(batch.images)
        other = torch.randperm(n, device=batch.images.device)
        kept = outside(share, *batch.images.shape[2:])
        images = torch.where(kept, batch.images, batch.images[other])
        exact = kept.float().mean((1, 2, 3))
        shares = one_hot(batch, self.classes)
        blended = torch.lerp(shares[other], shares, exact[:, None])
        return replace(batch, views=(images, *batch.views[1:]), shares=blended)


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
