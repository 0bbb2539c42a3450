"""DISC: find concepts whose influence differs between environments, and mix them into the images of other classes.

Wu, Yuksekgonul, Zhang & Zou, "Discover and Cure: Concept-aware mitigation of spurious correlation", ICML 2023,
arXiv:2305.00650. Idea: images of each class fall into environments by what the network makes of them; a
concept that pulls a class differently in different environments is spurious; mixing it into the other classes' images
breaks the tie. With G_e the gradient of environment e's mean loss for the head's weights W, b_e for its bias, and v_k
the direction of concept k, of the length of its largest projection:

    influence  I(e, k, c) = softmax over c of -eta (v_k . G_e,c + b_e,c)
    sensitivity  s(k, c) = standard deviation of I(e, k, c) over e;   p_c(k) = s(k, c) / sum over k of s(k, c)
    cure: an image of class y keeps y and becomes  l x + (1 - l) x',  x' an image that shows k, k drawn from p_c for
          another class c, and l from Beta(a, a)

What we do differently: concepts are columns of the manifest (artefacts, found by a detector or a person), not a bank
of web images; their directions are discriminants (`concepts.py`), not support vectors; environments are k-means in the
features and correctness (which counts as much as they), without UMAP; a share of each batch is mixed, where theirs
adds one mixed batch a class to every step, at several times the cost; and x' is an image of the same batch, lesion and
all: one of class y where the batch has one that shows k, so that y stays true, else of another, and then l is at least
a half.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch.nn import functional as F

from cutis.models.network import Network
from cutis.train.objectives.base import Batch, Moment, TrainingData
from cutis.train.objectives.concepts import ConceptPart, concept_names, concept_vector
from cutis.train.objectives.grouping import check_settings
from cutis.train.objectives.parts import Step

ETA = 0.1


class Disc(ConceptPart):
    """concepts: columns, as in "ruler,ink,hair". environments: of each class, 2 to 10. share: of a batch that is mixed,
    0..1. a: of Beta(a, a), above 0. warmup: share of the schedule before the first look.
    """

    name = "disc"
    blends = True
    chance: torch.Tensor

    def __init__(
        self, concepts: str, environments: float = 3, share: float = 0.5, a: float = 1.0, warmup: float = 0.2
    ) -> None:
        super().__init__(concept_names(concepts, "method disc: setting concepts"), warmup)
        check_settings(
            self.name,
            environments=(environments, 2, 10),
            share=(share, 0, 1),
            a=(a, 1e-3, 100),
            warmup=(warmup, 0, 0.9),
        )
        self.environments, self.share, self.a = int(environments), share, a

    def prepare(self, data: TrainingData, network: Network) -> None:
        super().prepare(data, network)
        self.register_buffer("chance", torch.zeros(len(data.codes), len(self.columns)))
        self._mixed: torch.Tensor | None = None

    def change(self, batch: Batch, now: Moment) -> Batch:
        """Mixes, once concepts are known; an image for whose concept the batch has no example stays as it is."""
        self._mixed = None
        b, device = len(batch.target), batch.images.device
        if not bool(self.chance.any()):
            return batch
        classes = len(self.chance)
        other = (batch.target + torch.randint(1, classes, (b,), device=device)) % classes  # a class that it isn't
        odds = self.chance[other]
        concept = torch.multinomial(odds + (odds.sum(1, keepdim=True) == 0), 1)[:, 0]
        shows = (self.has[batch.rows] == 1).T[concept].float()  # (b, b): who shows the concept drawn for whom
        shows.fill_diagonal_(0)
        kin = shows * (batch.target[:, None] == batch.target)
        has_kin = kin.sum(1) > 0
        shows = torch.where(has_kin[:, None], kin, shows)
        wanted = (torch.rand(b, device=device) < self.share) & (odds.sum(1) > 0) & (shows.sum(1) > 0)
        partner = torch.multinomial(shows + (shows.sum(1, keepdim=True) == 0), 1)[:, 0]
        own = torch.distributions.Beta(self.a, self.a).sample((b,)).to(batch.images)
        own = torch.where(has_kin, own, torch.maximum(own, 1 - own))
        own = torch.where(wanted, own, torch.ones_like(own))
        images = torch.lerp(batch.images[partner], batch.images, own[:, None, None, None])
        self._mixed = wanted
        return replace(batch, views=(images, *batch.views[1:]))

    def terms(self, step: Step) -> dict[str, torch.Tensor]:
        self.remember(step, None if self._mixed is None else ~self._mixed)
        return {}

    @torch.no_grad()
    def after_step(self, network: Network, batch: Batch, now: Moment) -> None:
        epoch = max(1, len(self.filled) // len(batch.target))
        if now.progress >= self.warmup and now.step % epoch == 0 and bool(self.filled.any()):
            self.chance.copy_(self.discover(network))

    @torch.no_grad()
    def discover(self, network: Network) -> torch.Tensor:
        """(classes, concepts) chance of each to be mixed into images of the other classes; rows sum to 1 or 0."""
        seen = [self.exemplars_of(k) for k in range(len(self.columns))]
        nothing = torch.zeros_like(self.memory[0]).float()
        vectors = torch.stack([nothing if s is None else concept_vector(s[0], s[1]) for s in seen])
        found = torch.tensor([s is not None for s in seen], device=vectors.device)
        features, target = self.memory[self.filled].float(), self.target[self.filled]
        logits = network.classify(features)
        which = environments(features, logits, target, self.environments)
        scaled = vectors * (features @ vectors.T).amax(0).clamp(min=1e-6)[:, None]
        influence = concept_influence(features, logits, target, which, scaled)
        spread = influence.std(0).T * found  # (classes, concepts)
        return spread / spread.sum(1, keepdim=True).clamp(min=1e-12)


def environments(features: torch.Tensor, logits: torch.Tensor, target: torch.Tensor, count: int) -> torch.Tensor:
    """(n,) environment 0..count-1: k-means within each class, on features scaled to deviation 1 as a whole, and on
    whether the answer was right, which counts as much as all features together.
    """
    from sklearn.cluster import KMeans

    right = (logits.argmax(1) == target).float()[:, None]
    scaled = (features - features.mean(0)) / features.std().clamp(min=1e-6)
    points = torch.cat([scaled, right * features.shape[1] ** 0.5], 1).cpu().numpy()
    which = torch.zeros_like(target)
    for code in range(logits.shape[1]):
        rows = (target == code).nonzero()[:, 0]
        if len(rows) >= count:
            labels = KMeans(count, n_init=1, random_state=0).fit_predict(points[rows.cpu().numpy()])
            which[rows] = torch.from_numpy(labels).to(which)
    return which


def concept_influence(
    features: torch.Tensor, logits: torch.Tensor, target: torch.Tensor, which: torch.Tensor, vectors: torch.Tensor
) -> torch.Tensor:
    """(environments, concepts, classes) I, of a linear head under cross-entropy, each row summing to one.

    features: (n, d). logits: (n, classes). which: (n,) environments. vectors: (concepts, d).
    """
    residual = logits.softmax(1) - F.one_hot(target, logits.shape[1])
    found = []
    for here in (which == environment for environment in sorted(set(which.tolist()))):
        weight = residual[here].T @ features[here] / here.sum()
        found.append((-ETA * (vectors @ weight.T + residual[here].mean(0))).softmax(1))
    return torch.stack(found)
