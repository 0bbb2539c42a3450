"""Reweighting and resampling: groups count as if they were balanced, or independent of the diagnosis.

Kamiran & Calders, "Data preprocessing techniques for classification without discrimination", Knowl. Inf. Syst. 33,
2012. Idea: each image of group g and class y gets the weight that makes the two independent,

    w(g, y) = P(g) P(y) / P(g, y)                 (within="class")
    w(g)    = 1 / (G P(g)), each of G groups the same weight      (within="all")

scaled to 1 on average; "reweight" multiplies the loss, "resample" draws images with that probability, with repeats.
What we do differently: several classes and groups, where theirs are two each. A group that has no image of a class
can't be given any. Images of unknown group weigh 1.
"""

from __future__ import annotations

import numpy as np
import torch

from cutis.models.network import Network
from cutis.train.objectives.base import TrainingData
from cutis.train.objectives.grouping import Grouped, check_choice
from cutis.train.objectives.parts import Step


class Balanced(Grouped):
    """column: the groups. within: "class" or "all"."""

    weights: torch.Tensor

    def __init__(self, column: str, within: str = "class") -> None:
        super().__init__(column)
        check_choice(self.name, "within", within, ("class", "all"))
        self.within = within

    def prepare(self, data: TrainingData, network: Network) -> None:
        super().prepare(data, network)
        target = data.target if self.within == "class" else np.zeros_like(data.target)
        weights = balancing_weights(self.groups.codes, target)
        self.register_buffer("weights", torch.from_numpy(weights).float(), persistent=False)


class Reweight(Balanced):
    __doc__ = Balanced.__doc__
    name = "reweight"

    def weigh(self, step: Step) -> torch.Tensor:
        return self.weights[step.batch.rows]


class Resample(Balanced):
    __doc__ = Balanced.__doc__
    name = "resample"

    def order(self, data: TrainingData, rng: np.random.Generator) -> np.ndarray:
        share = self.weights.cpu().numpy().astype(float)
        return rng.choice(len(share), len(share), p=share / share.sum())


def balancing_weights(group: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(n,) weights, 1 on average over the known groups, by which group and target are independent.

    group: (n,) codes, -1 for unknown, which weigh 1. target: (n,) class numbers; all the same balances groups alone,
    and then each group weighs the same.
    """
    known = group >= 0
    g, y = group[known], target[known]
    joint = np.zeros((g.max() + 1, y.max() + 1))
    np.add.at(joint, (g, y), 1)
    alone = (joint.sum(0) > 0).sum() == 1
    of_group = np.full(len(joint), 1 / (joint.sum(1) > 0).sum()) if alone else joint.sum(1) / len(g)
    wanted = np.outer(of_group, joint.sum(0) / len(g))
    weights = np.ones(len(group))
    weights[known] = wanted[g, y] / (joint[g, y] / len(g))
    weights[known] /= weights[known].mean()
    return weights
