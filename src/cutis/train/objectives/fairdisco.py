"""FairDisCo: disentangle skin type from diagnosis, and pull images of one diagnosis together.

Du et al., "FairDisCo: Fairer AI in Dermatology via Disentanglement Contrastive Learning", ECCV workshops 2022,
arXiv:2208.10013. Idea: besides the diagnosis, a head learns the group from features held still, the features confuse it
(as in `tabe`), and a projection z of the features is pulled together within each diagnosis, across groups.

    L = L_class + alpha L_confusion + L_group + beta L_contrast
    L_contrast = mean over pairs i, j of one class of -log( e_ij / (e_ij + sum over k of other classes e_ik) )
    e_ij = exp(cos(z_i, z_j) / T)

alpha = 1, beta = 0.8, T = 0.1 and the projection (512 units, batch norm, 128 outputs) are those of the authors' public
code. What we do differently: the group's head has one middle layer.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from cutis.models.network import Network
from cutis.train.objectives.base import TrainingData
from cutis.train.objectives.grouping import check_settings
from cutis.train.objectives.parts import Step
from cutis.train.objectives.unlearning import Tabe


class FairDisCo(Tabe):
    """column: the groups. alpha: of the confusion, beta: of the contrast, 0 or more. temperature: T, above 0."""

    name = "fairdisco"
    even = False

    def __init__(self, column: str, alpha: float = 1.0, beta: float = 0.8, temperature: float = 0.1) -> None:
        super().__init__(column, strength=alpha)
        check_settings(
            self.name, alpha=(alpha, 0, float("inf")), beta=(beta, 0, float("inf")), temperature=(temperature, 1e-3, 10)
        )
        self.beta, self.temperature = beta, temperature

    def prepare(self, data: TrainingData, network: Network) -> None:
        super().prepare(data, network)
        self.project = nn.Sequential(
            nn.Linear(network.num_features, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 128)
        )

    def terms(self, step: Step) -> dict[str, torch.Tensor]:
        contrast = contrastive(self.project(step.features.float()), step.batch.target, self.temperature)
        return {**super().terms(step), "fairdisco_contrast": self.beta * contrast}


def contrastive(z: torch.Tensor, target: torch.Tensor, temperature: float) -> torch.Tensor:
    """The contrast of projections (b, d); 0 where no two images share a class."""
    near = F.normalize(z, dim=1)
    alike = near @ near.T / temperature
    same = target[:, None] == target
    others = alike.masked_fill(same, float("-inf")).logsumexp(1, keepdim=True)  # of other classes, by image
    pairs = same & ~torch.eye(len(z), dtype=torch.bool, device=z.device)
    if not pairs.any():
        return 0 * z.sum()
    each = torch.logaddexp(alike, others) - alike
    return each[pairs].mean()
