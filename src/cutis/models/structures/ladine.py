"""LaDiNE: a member of an ensemble on each block of one encoder, and samples of each member's density of answers.

    p(y | x) = (1 / K) sum over k of p_k(y | x),  p_k(y | x) = (1 / M) sum over m of softmax(mu_k + sigma_k e_m)
    mu_k = A_k z_k,  sigma_k = softplus(B_k z_k),  z_k = g_k(block_k(x)),  e_m drawn from N(0, I)

Idea: features of early blocks change less than the last one's when a picture is noisy, blurred or pale, so each of K
blocks gets a mapping network g_k and answers for itself; and an answer is a density, sampled M times, not one vector.

Source: Shen, Huang, Nichyporuk & Arbel, "Improving robustness and reliability in medical image classification with
latent-guided diffusion and nested-ensembles", IEEE TMI 2025, arXiv:2310.15952, equations 3-6 and 17-19. What we do
differently: the density is a Gaussian of logits (Kendall & Gal, NeurIPS 2017, arXiv:1703.04977, equation 12) where
theirs is a conditional diffusion model of 1000 steps, which no CPU could serve; encoder, mapping networks and densities
are learned together, theirs one after another; the encoder is any backbone, by default with a member on every block
(theirs: the first 5 of ViT-B's 12), as the early blocks of a small convolutional network alone know too little; what is
averaged are probabilities, theirs are vectors of scores that a softmax follows.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from cutis.errors import CutisError
from cutis.models.compact import CompactResNet
from cutis.models.network import Network, linear_head, pooled
from cutis.models.structures.base import Make, count


class Ladine(Network):
    """members: blocks that have one, counted from the first; 0 is all. samples: M of a member's density, even, 2 to
    256. width: of the mapping networks. Features are the blocks' means over the picture, one block after another.
    """

    draws: torch.Tensor

    def __init__(self, make: Make, members: float = 0, samples: float = 20, width: float = 128) -> None:
        made = make()
        blocks = Blocks(made.backbone, members)
        hidden = count("width", width, 1, 4096)
        heads = [_Density(size, hidden, made.classes) for size in blocks.sizes]
        super().__init__(blocks, sum(blocks.sizes), made.classes, made.dropout.p, nn.ModuleList(heads))
        self.sizes = blocks.sizes
        half = torch.randn(count("samples", samples, 2, 256) // 2, 1, made.classes)
        self.register_buffer("draws", torch.cat([half, -half]))  # symmetric, so that their mean is 0

    def answers(self, features: torch.Tensor) -> torch.Tensor:
        assert isinstance(self.head, nn.ModuleList)
        each = self.dropout(features).split(self.sizes, dim=1)
        found = []
        for density, own in zip(self.head, each, strict=True):
            mean, spread = density(own)
            noise = self.draws
            if self.training:
                noise = torch.randn(len(noise), *mean.shape, device=mean.device)
            found.append(pooled(mean + spread * noise))
        return torch.stack(found)


class _Density(nn.Module):
    """Features (n, d) -> mean and standard deviation (n, classes) of the logits."""

    def __init__(self, size: int, width: int, classes: int) -> None:
        super().__init__()
        self.mapping = nn.Sequential(
            nn.LayerNorm(size), nn.Linear(size, width), nn.GELU(), nn.Linear(width, width), nn.GELU()
        )
        self.mean, self.spread = linear_head(width, classes), linear_head(width, classes)
        nn.init.constant_(self.spread.bias, -2.0)  # little spread until it pays

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        latent = self.mapping(features)
        return self.mean(latent).float(), F.softplus(self.spread(latent).float())


class Blocks(nn.Module):
    """(n, 3, h, w) -> (n, sum of sizes): means over the picture of the maps after the first blocks of a backbone.

    Raises CutisError for more members than blocks, and for a backbone of timm's that doesn't give its maps.
    """

    def __init__(self, backbone: nn.Module, members: float) -> None:
        super().__init__()
        self.backbone = backbone
        every = _sizes(backbone)
        self.sizes = every[: count("members", members, 0, len(every)) or len(every)]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.cat([maps.float().mean((2, 3)) for maps in self._maps(images)], dim=1)

    def _maps(self, images: torch.Tensor) -> list[torch.Tensor]:
        blocks = len(self.sizes)
        if not isinstance(self.backbone, CompactResNet):
            backbone: Any = self.backbone
            found: list[torch.Tensor] = backbone.forward_intermediates(
                images, indices=list(range(blocks)), stop_early=True, intermediates_only=True
            )
            return found
        x = self.backbone.stem(images)
        found = []
        for block in self.backbone.blocks[:blocks]:
            x = block(x)
            found.append(x)
        return found


def _sizes(backbone: nn.Module) -> list[int]:
    """Channels of each block's maps."""
    if isinstance(backbone, CompactResNet):
        return list(backbone.sizes)
    if not hasattr(backbone, "forward_intermediates") or not hasattr(backbone, "feature_info"):
        raise CutisError(
            f"structure ladine: {type(backbone).__name__} doesn't give the maps of its blocks; take compact_resnet_s, "
            "a resnet or a vit."
        )
    return [int(level["num_chs"]) for level in backbone.feature_info]  # type: ignore[union-attr]
