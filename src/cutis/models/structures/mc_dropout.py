"""Monte Carlo dropout: the mean of what a network says with different parts of it left out.

    p(y | x) = (1 / T) sum over t of softmax(W (z_t * h(x)) + b),  z_t in {0, 1 / (1 - r)}^d, 0 with probability r

Source: Gal & Ghahramani, "Dropout as a Bayesian approximation", ICML 2016, arXiv:1506.02142, equation 6. What we do
differently: dropout stands before the head only (so features are computed once and T costs next to nothing), not before
every layer; and the T masks are drawn when the network is built and kept, so the same image gets the same answer.
"""

from __future__ import annotations

import torch

from cutis.errors import CutisError
from cutis.models.network import Network
from cutis.models.structures.base import Make, count


class McDropout(Network):
    """rate: share of the features that are left out, 0..1, both excluded. samples: masks T, 2 to 256."""

    masks: torch.Tensor

    def __init__(self, make: Make, rate: float = 0.3, samples: float = 16) -> None:
        if not 0 < rate < 1:
            raise CutisError(f"setting rate = {rate:g}: expected above 0 and below 1.")
        made = make()
        super().__init__(made.backbone, made.num_features, made.classes, rate, made.head)
        kept = torch.rand(count("samples", samples, 2, 256), 1, made.num_features) >= rate
        self.register_buffer("masks", kept.float() / (1 - rate))

    def answers(self, features: torch.Tensor) -> torch.Tensor:
        if self.training:
            return super().answers(features)
        logits: torch.Tensor = self.head(features * self.masks)
        return logits.float()
