"""Unlearn what the features tell of a nuisance: skin tone, instrument, ruler, ink, or any other column.

Bevan & Atapour-Abarghouei, "Detecting Melanoma Fairly", DART at MICCAI 2022, arXiv:2202.02832 (skin tone), and "Skin
Deep Unlearning", ICPR 2022, arXiv:2109.09818 (rulers, ink, instruments). Idea: a head learns to tell the nuisance from
the features, and the features learn that it can't. With f the features, h the head, q = softmax(h(f)) over N groups and
b the true group, there are two ways to make them:

    lntl (Kim et al., "Learning Not to Learn", CVPR 2019): the head descends CE(q, b), its gradient comes
        to the features with its sign turned, times s = 1; and the features descend l * sum_k q_k log q_k, the negative
        entropy, l = 0.01.
    tabe (Alvi, Zisserman & Nellaker, "Turning a Blind Eye", ECCV workshops 2018): the head descends
        CE(q, b) on features that are held still; the features descend s * -(1 / N) sum_k log q_k, the confusion, under
        a head that is held still, s = 0.5.

lntl's s and l are those of Bevan & Atapour-Abarghouei's public code, and so is that CE weighs a group by 1 / its
images: else a head that knows nothing would say the common group, and features would pay for that for ever. For tabe
that code has s = 0.03, with which nothing moved in our worlds (docs/papers.md).

What we do differently: both are one step of one optimiser, as the parts that must not move are detached (they step in
turn, the head at a higher learning rate); the confusion is of equal parts, where that code draws its weights from
U(0, 1); the head is a small network of our choosing. within="class" is ours: the head knows the diagnosis, so only what
the nuisance tells beyond it is unlearned (Zhao et al., "Conditional learning of fair representations", ICLR 2020).
Where nuisance and diagnosis go together in training, unlearning without that takes from the diagnosis too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from cutis.models.network import Network
from cutis.train.objectives.base import TrainingData
from cutis.train.objectives.grouping import Grouped, check_choice, check_settings
from cutis.train.objectives.parts import Step


class Unlearning(Grouped):
    """column: the nuisance. strength: s, 0 or more. hidden: units of the head's middle layer, 0 for a linear head.

    within: "all", or "class" for a head that knows the diagnosis.
    """

    even = True  # whether groups count alike in the head's loss, whatever their size
    weights: torch.Tensor  # (heads, groups), of an image in it

    def __init__(self, column: str, strength: float, hidden: float = 64, within: str = "all") -> None:
        super().__init__(column)
        check_settings(self.name, strength=(strength, 0, float("inf")), hidden=(hidden, 0, 4096))
        check_choice(self.name, "within", within, ("all", "class"))
        self.strength, self.hidden, self.within = strength, int(hidden), within

    def prepare(self, data: TrainingData, network: Network) -> None:
        super().prepare(data, network)
        self.heads = len(data.codes) if self.within == "class" else 1
        self.head = nuisance_head(network.num_features, self.heads * len(self.groups.names), self.hidden)
        counts = np.zeros((self.heads, len(self.groups.names)))
        which = data.target if self.heads > 1 else np.zeros_like(data.target)
        known = self.groups.codes >= 0
        np.add.at(counts, (which[known], self.groups.codes[known]), 1)
        weights = torch.from_numpy(1 / counts.clip(1)).float()
        self.register_buffer("weights", weights if self.even else torch.ones_like(weights), persistent=False)

    def terms(self, step: Step) -> dict[str, torch.Tensor]:
        group = self.group(step.batch)
        known = group >= 0
        if not known.any():
            return {f"{self.name}_head": 0 * step.features.sum()}
        which = step.batch.target[known] if self.heads > 1 else torch.zeros_like(group[known])
        return self.apart(step.features[known].float(), which, group[known])

    def apart(self, features: torch.Tensor, which: torch.Tensor, group: torch.Tensor) -> dict[str, torch.Tensor]:
        """The terms for features (k, d) of known groups (k,); which: (k,) the head asked of each, its class or 0."""
        raise NotImplementedError(f"{type(self).__name__} must define apart")

    def told(self, log_q: torch.Tensor, which: torch.Tensor, group: torch.Tensor) -> torch.Tensor:
        """The head's cross-entropy, of log-probabilities (k, groups)."""
        weights = self.weights[which, group]
        return -(weights * log_q.gather(1, group[:, None])[:, 0]).sum() / weights.sum()

    def log_q(self, features: torch.Tensor, which: torch.Tensor, *, frozen: bool = False) -> torch.Tensor:
        """(k, groups) log-probabilities that the head gives. frozen: no gradient reaches the head."""
        held: dict[str, Any] = {name: p.detach() for name, p in self.head.named_parameters()}
        said = functional_call(self.head, held, (features,)) if frozen else self.head(features)
        each = said.view(len(features), self.heads, -1)
        return F.log_softmax(each[torch.arange(len(features), device=features.device), which], dim=1)


class Lntl(Unlearning):
    """Learning not to learn: gradient reversal, and entropy of the head's answer. strength: of the reversed gradient.
    certainty: l, of the entropy, 0 or more. See `Unlearning` for the others."""

    name = "lntl"

    def __init__(
        self, column: str, strength: float = 1.0, certainty: float = 0.01, hidden: float = 64, within: str = "all"
    ) -> None:
        super().__init__(column, strength, hidden, within)
        check_settings(self.name, certainty=(certainty, 0, float("inf")))
        self.certainty = certainty

    def apart(self, features: torch.Tensor, which: torch.Tensor, group: torch.Tensor) -> dict[str, torch.Tensor]:
        told = self.told(self.log_q(reversed_gradient(features, self.strength), which), which, group)
        log_q = self.log_q(features, which, frozen=True)
        certainty = (log_q.exp() * log_q).sum(1).mean()
        return {f"{self.name}_head": told, f"{self.name}_certainty": self.certainty * certainty}


class Tabe(Unlearning):
    """Turning a blind eye: a confusion loss. strength: of the confusion. See `Unlearning` for the others."""

    name = "tabe"

    def __init__(self, column: str, strength: float = 0.5, hidden: float = 64, within: str = "all") -> None:
        super().__init__(column, strength, hidden, within)

    def apart(self, features: torch.Tensor, which: torch.Tensor, group: torch.Tensor) -> dict[str, torch.Tensor]:
        told = self.told(self.log_q(features.detach(), which), which, group)
        confusion = -self.log_q(features, which, frozen=True).mean()
        return {f"{self.name}_head": told, f"{self.name}_confusion": self.strength * confusion}


def nuisance_head(features: int, outputs: int, hidden: int) -> nn.Module:
    """Features to logits of the nuisance, with one middle layer, or none where `hidden` is 0."""
    if not hidden:
        return nn.Linear(features, outputs)
    return nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


class _Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, strength: float) -> torch.Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        return -ctx.strength * gradients[0], None


def reversed_gradient(x: torch.Tensor, strength: float) -> torch.Tensor:
    """x itself; its gradient comes back times -strength (Ganin & Lempitsky, ICML 2015)."""
    made: torch.Tensor = _Reversed.apply(x, strength)
    return made
