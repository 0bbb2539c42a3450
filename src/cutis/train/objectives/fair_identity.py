"""Fair identity attention's part in training: its head learns to tell the group from the features.

Tian et al., FairDomain, ECCV 2024, arXiv:2407.08813; see `cutis.models.structures.fair_identity`, which it needs.

    L = L_class + s * CE(p, g),  p the group as the head tells it, from features that this term doesn't change
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from cutis.errors import CutisError
from cutis.models.network import Network
from cutis.models.structures.fair_identity import FairIdentity
from cutis.train.objectives.base import TrainingData
from cutis.train.objectives.grouping import Grouped, check_settings
from cutis.train.objectives.parts import Step


class FairIdentityHead(Grouped):
    """column: the identity groups. strength: s, 0 or more. The network must be `--structure fair-identity`."""

    name = "fair-identity"

    def __init__(self, column: str, strength: float = 1.0) -> None:
        super().__init__(column)
        check_settings(self.name, strength=(strength, 0, float("inf")))
        self.strength = strength

    def prepare(self, data: TrainingData, network: Network) -> None:
        super().prepare(data, network)
        found = len(self.groups.names)
        if not isinstance(network, FairIdentity):
            raise CutisError(
                f"method fair-identity needs its network: add --structure fair-identity --set groups={found}."
            )
        if network.groups != found:
            raise CutisError(
                f"method fair-identity: column {self.column} has {found} groups ({', '.join(self.groups.names)}), the "
                f"structure {network.groups}: --set groups={found}."
            )

    def terms(self, step: Step) -> dict[str, torch.Tensor]:
        assert isinstance(step.network, FairIdentity)
        group, said = self.group(step.batch), step.network.said
        known = group >= 0
        if said is None or not known.any():
            return {"fair_identity": 0 * step.features.sum()}
        return {"fair_identity": self.strength * F.cross_entropy(said[known], group[known])}
