"""Deep ensemble: several networks that start from different weights, and the mean of what they say.

    p(y | x) = (1 / M) sum over m of softmax(f_m(x)),  loss = (1 / M) sum over m of l(f_m(x), y)

Source: Lakshminarayanan, Pritzel & Blundell, "Simple and scalable predictive uncertainty estimation using deep
ensembles", NeurIPS 2017, arXiv:1612.01474, section 2.4; without its adversarial training (`--method adversarial` adds
that). What we do differently: the members learn side by side from the same batches, so one bundle is one ensemble;
theirs see the images in different orders. Each member still learns by its own loss alone. A step costs as much as M.
"""

from __future__ import annotations

import torch
from torch import nn

from cutis.models.network import Network
from cutis.models.structures.base import Make, count


class Ensemble(Network):
    """members: how many, 2 to 20. Features are the members', one after another.

    From given weights (--pretrained, --weights) all members' backbones start alike, and only their heads differ.
    """

    def __init__(self, make: Make, members: float = 3) -> None:
        made = [make() for _ in range(count("members", members, 2, 20))]
        sizes = [network.num_features for network in made]
        super().__init__(
            Beside([network.backbone for network in made]),
            sum(sizes),
            made[0].classes,
            made[0].dropout.p,
            nn.ModuleList([network.head for network in made]),
        )
        self.sizes = sizes

    def answers(self, features: torch.Tensor) -> torch.Tensor:
        assert isinstance(self.head, nn.ModuleList)
        each = self.dropout(features).split(self.sizes, dim=1)
        return torch.stack([head(own) for head, own in zip(self.head, each, strict=True)]).float()


class Beside(nn.Module):
    """Backbones that see the same images: (n, 3, h, w) -> (n, sum of their features)."""

    def __init__(self, backbones: list[nn.Module]) -> None:
        super().__init__()
        self.each = nn.ModuleList(backbones)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.cat([backbone(images) for backbone in self.each], dim=1)
