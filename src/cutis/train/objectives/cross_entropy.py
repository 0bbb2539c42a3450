"""Cross-entropy with logit adjustment.

Menon et al., "Long-tail learning via logit adjustment", ICLR 2021, equation 10: adding tau * log(prior) to the logits
in training makes the plain logits minimise the *balanced* error at test time. tau = 0 is ordinary cross-entropy.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from cutis.models.network import Network
from cutis.train.objectives.base import Batch, Moment, Objective, TrainingData


class CrossEntropy(Objective):
    """tau: strength of the adjustment, >= 0. smoothing: label smoothing in 0..1 (Szegedy et al. 2016)."""

    name = "cross-entropy"
    prior: torch.Tensor

    def __init__(self, tau: float = 1.0, smoothing: float = 0.0) -> None:
        super().__init__()
        self.tau = tau
        self.smoothing = smoothing

    def prepare(self, data: TrainingData, network: Network) -> None:
        counts = torch.from_numpy(data.class_counts()).float().clamp(min=1)
        self.register_buffer("prior", (counts / counts.sum()).log())

    def loss(self, network: Network, batch: Batch, now: Moment) -> dict[str, torch.Tensor]:
        logits = network(batch.images) + self.tau * self.prior
        return {"cross_entropy": F.cross_entropy(logits, batch.target, label_smoothing=self.smoothing)}
