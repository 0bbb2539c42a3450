"""Cross-entropy with logit adjustment and, if asked for, mixup.

Menon et al., "Long-tail learning via logit adjustment", ICLR 2021, equation 10: adding tau * log(prior) to the logits
in training makes the plain logits minimise the *balanced* error at test time. tau = 0 is ordinary cross-entropy.

Zhang et al., "mixup: Beyond empirical risk minimization", ICLR 2018, equation 1: an image is a blend of two, in shares
drawn from Beta(a, a), and so is its loss. Here every image draws its own share.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from cutis.errors import CutisError
from cutis.models.network import Network
from cutis.train.objectives.base import Batch, Moment, Objective, TrainingData


class CrossEntropy(Objective):
    """tau: strength of the adjustment, >= 0. smoothing: label smoothing in 0..1 (Szegedy et al. 2016).

    mixup: a of the blend's Beta(a, a), >= 0; 0 is none.
    """

    name = "cross-entropy"
    prior: torch.Tensor

    def __init__(self, tau: float = 1.0, smoothing: float = 0.0, mixup: float = 0.0) -> None:
        super().__init__()
        for name, value in (("tau", tau), ("smoothing", smoothing), ("mixup", mixup)):
            if value < 0:
                raise CutisError(f"setting {name} = {value:g}: expected 0 or more.")
        self.tau = tau
        self.smoothing = smoothing
        self.mixup = mixup

    def prepare(self, data: TrainingData, network: Network) -> None:
        counts = torch.from_numpy(data.class_counts()).float().clamp(min=1)
        self.register_buffer("prior", (counts / counts.sum()).log())

    def loss(self, network: Network, batch: Batch, now: Moment) -> dict[str, torch.Tensor]:
        if self.mixup == 0:
            return {"cross_entropy": self._losses(network(batch.images), batch.target).mean()}
        n = len(batch.target)
        share = torch.distributions.Beta(self.mixup, self.mixup).sample((n,)).to(batch.images)
        other = torch.randperm(n, device=batch.images.device)
        logits = network(torch.lerp(batch.images[other], batch.images, share[:, None, None, None]))
        first, second = self._losses(logits, batch.target), self._losses(logits, batch.target[other])
        return {"cross_entropy": torch.lerp(second, first, share).mean()}

    def _losses(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        adjusted = logits.float() + self.tau * self.prior
        return F.cross_entropy(adjusted, target, label_smoothing=self.smoothing, reduction="none")
