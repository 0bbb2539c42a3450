"""Fair identity attention: who the patient may be decides which places of the picture count more.

    a = softmax_places((W_q e) . (W_k x_i) / sqrt(d)),  features = pool(x) + W_o sum_i a_i W_v x_i,
    e = sum_g p_g E_g,  p = softmax(U pool(x)),  with x_i the backbone's last features at place i

Idea: the patient's identity group (skin type, sex, age) is an embedding that asks, and the picture's features answer,
so that each group may look at what tells most about it.

Source: Tian et al., "FairDomain: Achieving fairness in cross-domain medical image segmentation and classification",
ECCV 2024, arXiv:2407.08813. What we do differently: theirs is told the group, also when it is used; a bundle has the
picture alone, so p is predicted from the features, by a head that learns from a column (`--method fair-identity`) and
changes nothing else. One query for the whole picture, as ours has no embedding of places; no feed-forward layer after
it; and W_o starts at zero, so that the network starts as the plain one.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from cutis.errors import CutisError
from cutis.models.compact import CompactResNet
from cutis.models.network import Network
from cutis.models.structures.base import Make, count


class FairIdentity(Network):
    """groups: identity groups, 2 to 50. `said`: (n, groups) logits of the group in the last pass of training."""

    said: torch.Tensor | None = None

    def __init__(self, make: Make, groups: float = 2) -> None:
        made = make()
        super().__init__(Places(made.backbone, made.num_features), made.num_features, made.classes, made.dropout.p)
        self.head = made.head
        d = made.num_features
        self.groups = count("groups", groups, 2, 50)
        self.identity = nn.Linear(d, self.groups)
        self.embedding = nn.Parameter(torch.randn(self.groups, d) * 0.02)
        self.norm = nn.LayerNorm(d)
        self.query, self.key, self.value = (nn.Linear(d, d) for _ in range(3))
        self.out = nn.Linear(d, d)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        places, pooled = self.backbone(images)
        said = self.identity(pooled.detach())  # the head reads the features, it doesn't shape them
        self.said = said if self.training else None
        asked = self.query(said.softmax(1).detach() @ self.embedding)
        x = self.norm(places)
        fit = (self.key(x) @ asked[:, :, None])[:, :, 0] / self.num_features**0.5
        seen = (fit.softmax(1)[:, None] @ self.value(x))[:, 0]
        features: torch.Tensor = pooled + self.out(seen)
        return features.float()


class Places(nn.Module):
    """A backbone that also gives its last features by place: (n, 3, h, w) -> (n, places, d), (n, d)."""

    def __init__(self, backbone: nn.Module, features: int) -> None:
        super().__init__()
        if not isinstance(backbone, CompactResNet) and getattr(backbone, "head_hidden_size", None) != features:
            raise CutisError(
                f"structure fair-identity: {type(backbone).__name__} has no features by place of the size of its "
                "pooled ones. Choose compact_resnet_s, or another timm backbone."
            )
        self.backbone, self.features = backbone, features

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        backbone: Any = self.backbone
        if isinstance(backbone, CompactResNet):
            maps = backbone.blocks(backbone.stem(images))
            pooled = maps.mean((2, 3))
        else:
            maps = backbone.forward_features(images)
            pooled = backbone.forward_head(maps, pre_logits=True)
        if maps.ndim == 4:  # (n, d, h, w), or (n, h, w, d) of some transformers
            maps = maps.flatten(2).transpose(1, 2) if maps.shape[1] == self.features else maps.flatten(1, 2)
        return maps.float(), pooled.float()
