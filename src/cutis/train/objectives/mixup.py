"""mixup: learn from blends of two images, with their labels blended alike.

Zhang et al., "mixup: Beyond empirical risk minimization", ICLR 2018, equation 1: x = s x_i + (1 - s) x_j and
y = s y_i + (1 - s) y_j, with s drawn from Beta(a, a). Here every image draws its own share, not each batch.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch.nn import functional as F

from cutis.errors import CutisError
from cutis.models.network import Network
from cutis.train.objectives.base import Batch, Moment, TrainingData
from cutis.train.objectives.parts import Part


class Blend(Part):
    """Learns from blends of two images of a batch, in shares drawn from Beta(a, a). A subclass says `blended`."""

    blends = True

    def __init__(self, a: float) -> None:
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
        images, exact = self.blended(batch.images, batch.images[other], share)
        shares = one_hot(batch, self.classes)
        blended = torch.lerp(shares[other], shares, exact[:, None])
        return replace(batch, views=(images, *batch.views[1:]), shares=blended)

    def blended(
        self, images: torch.Tensor, other: torch.Tensor, share: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The blends of (b, 3, s, s) images, and the share (b,) that is left of the first ones; `share` was asked."""
        raise NotImplementedError(f"{type(self).__name__} must define blended")


class Mixup(Blend):
    """a: of the blend's Beta(a, a), above 0."""

    name = "mixup"

    def __init__(self, a: float = 0.2) -> None:
        super().__init__(a)

    def blended(
        self, images: torch.Tensor, other: torch.Tensor, share: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.lerp(other, images, share[:, None, None, None]), share


def one_hot(batch: Batch, classes: int) -> torch.Tensor:
    """(b, classes) float32: the shares of each class, as they are or as `target` says."""
    return F.one_hot(batch.target, classes).float() if batch.shares is None else batch.shares
