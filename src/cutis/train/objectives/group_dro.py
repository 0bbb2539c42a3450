"""Group DRO: minimise the loss of the worst group, not of the average image.

Sagawa, Koh, Hashimoto & Liang, "Distributionally robust neural networks for group shifts", ICLR 2020, arXiv:1911.08731,
algorithm 1 and section 3.3. Idea: each group has a share q of the loss, and shares grow where the loss is high.

    q_g <- q_g exp(eta (l_g + C / sqrt(n_g))), scaled to sum to one;   L = sum_g q_g l_g

with l_g the mean loss of group g in the batch and n_g its images in training. As in the paper a group is a column's
value within a class, unless within="all"; as classes then weigh alike already, cross-entropy beside it isn't adjusted
for their frequency unless tau says so. What we do differently: the batch is drawn as usual, not by group (put
`resample` beside it for that); shares of groups that a batch lacks wait, and the others' are scaled up to one for it;
images of unknown group keep their weight of one.
"""

from __future__ import annotations

import numpy as np
import torch

from cutis.models.network import Network
from cutis.train.objectives.base import TrainingData
from cutis.train.objectives.grouping import Grouped, check_choice, check_settings, mean_by_group
from cutis.train.objectives.parts import Step


class GroupDro(Grouped):
    """column: the groups. eta: speed of the shares, above 0. adjustment: C, 0 or more. within: "class" or "all"."""

    name = "group-dro"
    q: torch.Tensor
    bonus: torch.Tensor
    cells: torch.Tensor

    def __init__(self, column: str, eta: float = 0.01, adjustment: float = 0.0, within: str = "class") -> None:
        super().__init__(column)
        check_settings(self.name, eta=(eta, 1e-9, 100), adjustment=(adjustment, 0, float("inf")))
        check_choice(self.name, "within", within, ("class", "all"))
        self.eta, self.adjustment, self.within = eta, adjustment, within
        self.evens_classes = within == "class"

    def prepare(self, data: TrainingData, network: Network) -> None:
        super().prepare(data, network)
        codes = self.groups.codes
        cells = np.where(codes < 0, -1, codes * len(data.codes) + data.target) if self.within == "class" else codes
        present, joined = np.unique(cells[cells >= 0], return_inverse=True)
        own = np.full(len(cells), -1)
        own[cells >= 0] = joined
        counts = torch.from_numpy(np.bincount(joined)).float()
        self.register_buffer("cells", torch.from_numpy(own), persistent=False)
        self.register_buffer("bonus", self.adjustment / counts.sqrt(), persistent=False)
        self.register_buffer("q", torch.full((len(present),), 1 / len(present)))

    def weigh(self, step: Step) -> torch.Tensor:
        group = self.cells[step.batch.rows]
        losses, counts = mean_by_group(step.losses.detach().float(), group, len(self.q))
        seen = counts > 0
        grown = torch.where(seen, self.q * torch.exp(self.eta * (losses + self.bonus)), self.q)
        self.q.copy_(grown / grown.sum())
        share = self.q * seen / (self.q * seen).sum().clamp(min=1e-12)
        each = share * counts.sum() / counts.clamp(min=1)
        return torch.where(group >= 0, each[group.clamp(min=0)], torch.ones(()).to(each))
