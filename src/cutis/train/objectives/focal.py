"""Focal loss, which turns the weight of well-classified images down.

Lin et al., "Focal loss for dense object detection", ICCV 2017, equations 4-5, in its softmax form:
FL = -alpha_y (1 - p_y)^gamma log p_y. gamma = 0 and no alpha is ordinary cross-entropy.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from cutis.models.network import Network
from cutis.train.objectives.base import Batch, TrainingData
from cutis.train.objectives.parts import Classification


class Focal(Classification):
    """gamma: focusing, >= 0. balanced: alpha_y inverse to the class's share, with mean 1 over images (else alpha = 1).

    Difference from the paper: it classifies two ways and sets alpha by hand; here there are many classes. Of a blend,
    it is each class's loss times its share.
    """

    name = "focal"
    alpha: torch.Tensor

    def __init__(self, gamma: float = 2.0, balanced: bool = True) -> None:
        super().__init__()
        self.gamma = gamma
        self.balanced = balanced

    def prepare(self, data: TrainingData, network: Network) -> None:
        super().prepare(data, network)
        counts = torch.from_numpy(data.class_counts()).float()
        present = counts > 0
        alpha = torch.where(present, counts.sum() / (present.sum() * counts.clamp(min=1)), torch.zeros(()))
        self.register_buffer("alpha", alpha if self.balanced else torch.ones_like(alpha))

    def losses(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        log_p = F.log_softmax(logits, dim=1)
        each = -self.alpha * (1 - log_p.exp()) ** self.gamma * log_p
        if batch.shares is None:
            return each.gather(1, batch.target[:, None])[:, 0]
        return (each * batch.shares).sum(1)
