"""Cost-sensitive learning: errors weigh by what they cost, by a matrix of costs.

    l = l(f(x), y) + strength sum over k of C[y, k] softmax_k(f(x)),  C[y, y] = 0

Source: Galdran et al., "Cost-sensitive regularization for diabetic retinopathy grading from eye fundus images", MICCAI
2020, arXiv:2010.00291, equation 4: the expected cost of a draw from what the network says, beside its loss. It stands
in for the class weights that Behzadpour et al., "Breast tumor classification using EfficientNet deep learning model",
arXiv:2411.17870, call cost-sensitive: those are `--method focal --set gamma=0` here, and know of no pairs of classes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch

from cutis.errors import CutisError, nearest
from cutis.models.network import Network
from cutis.train.objectives.base import TrainingData
from cutis.train.objectives.mixup import one_hot
from cutis.train.objectives.parts import Part, Step


class CostSensitive(Part):
    """costs: "mel>nv=10,mel>*=5": truth > answer = cost, 0 or more, * for any class; later ones overrule; an error that
    isn't named costs 1. strength: of the expected cost, above 0."""

    name = "cost-sensitive"
    matrix: torch.Tensor

    def __init__(self, costs: str = "", strength: float = 1.0) -> None:
        super().__init__()
        if strength <= 0:
            raise CutisError(f"setting strength = {strength:g}: expected above 0.")
        self.costs, self.strength = costs, strength

    def prepare(self, data: TrainingData, network: Network) -> None:
        self.register_buffer("matrix", cost_matrix(self.costs, data.codes))

    def terms(self, step: Step) -> dict[str, torch.Tensor]:
        expected = (one_hot(step.batch, len(self.matrix)) @ self.matrix * step.logits.softmax(1)).sum(1)
        return {"cost": self.strength * expected.mean()}


def cost_matrix(costs: str, codes: Sequence[str]) -> torch.Tensor:
    """(classes, classes) float32, truth by answer, of words as `CostSensitive` takes them. Raises CutisError."""
    matrix = 1 - torch.eye(len(codes))
    for item in filter(None, re.split(r"[\s,;]+", costs)):
        found = re.fullmatch(r"([^>=]+)>([^>=]+)=(\d+(?:\.\d+)?)", item)
        if not found:
            raise CutisError(f'setting costs: "{item}": expected TRUTH>ANSWER=COST, such as mel>nv=10.')
        places: list[list[int]] = []
        for code in found.groups()[:2]:
            if code != "*" and code not in codes:
                raise CutisError(f'setting costs: "{item}": class "{code}": {nearest(code, codes)}')
            places.append([i for i, known in enumerate(codes) if code in ("*", known)])
        for truth in places[0]:
            for answer in places[1]:
                matrix[truth, answer] = float(found.group(3)) if truth != answer else 0.0
    return matrix
