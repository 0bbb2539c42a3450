"""Cross-entropy with logit adjustment.

Menon et al., "Long-tail learning via logit adjustment", ICLR 2021, equation 10: adding tau * log(prior) to the logits
in training makes the plain logits minimise the *balanced* error at test time. tau = 0 is ordinary cross-entropy.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from cutis.errors import CutisError
from cutis.models.network import Network
from cutis.train.objectives.base import Batch, TrainingData
from cutis.train.objectives.parts import Classification


class CrossEntropy(Classification):
    """tau: strength of the adjustment, >= 0. smoothing: label smoothing in 0..1 (Szegedy et al. 2016)."""

    name = "cross-entropy"
    prior: torch.Tensor

    def __init__(self, tau: float = 1.0, smoothing: float = 0.0) -> None:
        super().__init__()
        for name, value in (("tau", tau), ("smoothing", smoothing)):
            if value < 0:
                raise CutisError(f"setting {name} = {value:g}: expected 0 or more.")
        self.tau = tau
        self.smoothing = smoothing

    def prepare(self, data: TrainingData, network: Network) -> None:
        super().prepare(data, network)
        counts = torch.from_numpy(data.class_counts()).float().clamp(min=1)
        self.register_buffer("prior", (counts / counts.sum()).log())

    def losses(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        adjusted = logits + self.tau * self.prior
        target = batch.target if batch.shares is None else batch.shares
        return F.cross_entropy(adjusted, target, label_smoothing=self.smoothing, reduction="none")
