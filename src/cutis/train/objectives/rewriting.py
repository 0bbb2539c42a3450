"""Rewriting a model's decision: what a person says must not count, doesn't.

Yan et al., "Towards Trustable Skin Cancer Diagnosis via Rewriting Model's Decision", CVPR 2023, arXiv:2303.00885. Idea:
confounders are found by clustering what the network bases its answers on (`cutis.train.confounders`), a person names
them and marks a few exemplars, each becomes a direction of the features, and rules such as "not ruler" penalise the
answer's slope along it ("right for the right reasons", Ross et al., IJCAI 2017, in concept space):

    L = L_class + s * mean over images of sum over forbidden k, c of (d log p_c / d a_k)^2

with a_k how much of concept k is laid down: the features' coordinate along what it adds to them within a diagnosis.
What we do differently: the network learns on as a whole and keeps its head, where theirs is frozen below a layer of
concepts; directions are shifts of the mean, not normals of a classifier (`concepts.py`), as to lay a ruler down is to
move along that shift, and follow the features as they move; rules are "not CONCEPT" or "not CONCEPT for
CLASS", joined by "and".
"""

from __future__ import annotations

import re

import torch
from torch.autograd.functional import jvp
from torch.nn import functional as F

from cutis.errors import CutisError, nearest
from cutis.models.network import Network
from cutis.train.objectives.base import Batch, Moment, TrainingData
from cutis.train.objectives.concepts import ConceptPart, concept_shift
from cutis.train.objectives.grouping import check_settings
from cutis.train.objectives.parts import Step

_CLAUSE = re.compile(r"\s*not\s+([^\s]+)(?:\s+for\s+([^\s]+))?\s*$")


class Rewriting(ConceptPart):
    """rule: "not ruler", "not ruler and not ink for mel"; a concept is a column of the manifest.

    strength: s, 0 or more. exemplars: images that are looked at, with and without each concept; 2 or more. warmup:
    share of the schedule before the rule counts.
    """

    name = "rewriting"
    directions: torch.Tensor
    forbidden: torch.Tensor

    def __init__(self, rule: str, strength: float = 1.0, exemplars: float = 50, warmup: float = 0.1) -> None:
        clauses = read_rule(rule)
        super().__init__(tuple(dict.fromkeys(concept for concept, _ in clauses)), warmup, exemplars)
        check_settings(
            self.name, strength=(strength, 0, float("inf")), exemplars=(exemplars, 2, 1e6), warmup=(warmup, 0, 0.9)
        )
        self.clauses, self.strength = clauses, strength

    def prepare(self, data: TrainingData, network: Network) -> None:
        super().prepare(data, network)
        forbidden = torch.zeros(len(self.columns), len(data.codes))
        for concept, code in self.clauses:
            if code and code not in data.codes:
                raise CutisError(f'method rewriting: rule "not {concept} for {code}": {nearest(code, data.codes)}')
            forbidden[self.columns.index(concept), list(data.codes).index(code) if code else slice(None)] = 1
        self.register_buffer("forbidden", forbidden, persistent=False)
        self.register_buffer("directions", torch.zeros(len(self.columns), network.num_features))

    def terms(self, step: Step) -> dict[str, torch.Tensor]:
        self.remember(step)
        if not bool(self.directions.any()):
            return {"rewriting": 0 * step.features.sum()}
        slopes = concept_slopes(step.network, step.features, self.directions)
        return {"rewriting": self.strength * (slopes.square() * self.forbidden[:, None]).sum((0, 2)).mean()}

    @torch.no_grad()
    def after_step(self, network: Network, batch: Batch, now: Moment) -> None:
        if now.progress >= self.warmup:
            for k in range(len(self.columns)):
                if (seen := self.exemplars_of(k)) is not None:
                    self.directions[k] = concept_shift(*seen)


def read_rule(rule: str) -> tuple[tuple[str, str | None], ...]:
    """ "not ruler and not ink for mel" -> (("ruler", None), ("ink", "mel")). Raises CutisError for anything else."""
    clauses = []
    for clause in re.split(r"\s+and\s+", rule.strip()):
        match = _CLAUSE.fullmatch(clause)
        if match is None:
            raise CutisError(f'method rewriting: rule "{rule}": expected "not CONCEPT" or "not CONCEPT for CLASS".')
        clauses.append((match[1], match[2]))
    return tuple(clauses)


def concept_slopes(network: Network, features: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
    """(concepts, b, classes): the slope of each class's log-probability along each direction, of (concepts, d)."""

    def log_p(f: torch.Tensor) -> torch.Tensor:
        return F.log_softmax(network.classify(f), dim=1)

    along = [d.expand_as(features) for d in directions]
    return torch.stack([jvp(log_p, features, v, create_graph=True)[1] for v in along])  # type: ignore[no-untyped-call]
