"""What a published mechanism adds to the training of a classifier, as a value that others can be put beside.

A part may change the batch, weigh each image's loss, add terms on features or logits, sample in its own order, show
other pictures as further views, or keep a memory. `Classification` runs one base loss with any number of parts:
`--method cross-entropy+circle+group-dro`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from cutis.errors import CutisError
from cutis.models.network import Network, pooled
from cutis.train.objectives.base import Batch, Moment, Objective, TrainingData


@dataclass(frozen=True)
class Step:
    """One step, as far as it has come. features: (b, d). logits: (b, classes). losses: (b,), of the base loss.

    base: that loss, by which a part can judge features of other pictures (`Classification.judged`).
    """

    network: Network
    batch: Batch
    now: Moment
    features: torch.Tensor
    logits: torch.Tensor
    losses: torch.Tensor
    base: Classification


class Part(nn.Module):
    """Base of all parts; a subclass overrides what it needs. Modules and buffers that it makes in `prepare` are
    trained, checkpointed and left out of the bundle.

    name: as in --method. columns: of the manifest that a batch must carry. views: further views of each image, besides
    the first, that it asks for; `own` gives them. alike: these are posed and coloured as the first. blends: its
    `change` makes one image of several, so that what a column says of it is no longer true. evens_classes: it weighs
    classes alike, so that cross-entropy beside it needn't correct for their frequency as well.
    """

    name: str = ""
    columns: tuple[str, ...] = ()
    views: int = 0
    alike: bool = False
    blends: bool = False
    evens_classes: bool = False
    first_view: int = 1  # set by Classification

    def prepare(self, data: TrainingData, network: Network) -> None:
        """Called once, before the optimisers are made. Raises CutisError for data that it can't work on."""

    def order(self, data: TrainingData, rng: np.random.Generator) -> np.ndarray | None:
        """Row numbers of one epoch; None leaves the order to others."""
        return None

    def show(self, pixels: list[np.ndarray], rows: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
        """What every view shows of these rows, its own and the first: artefacts painted over... The same for a row."""
        return pixels

    def picture(
        self, view: int, pixels: list[np.ndarray], rows: np.ndarray, rng: np.random.Generator
    ) -> list[np.ndarray]:
        """What its further view number `view` (from 0) shows; see `Objective.picture`."""
        return pixels

    def change(self, batch: Batch, now: Moment) -> Batch:
        """The batch that is learned from: images blended, shares of classes..."""
        return batch

    def weigh(self, step: Step) -> torch.Tensor | None:
        """(b,) weights of the images' losses, 1 on average, without gradients; None for all 1."""
        return None

    def terms(self, step: Step) -> dict[str, torch.Tensor]:
        """Named scalars to add to the loss."""
        return {}

    def after_step(self, network: Network, batch: Batch, now: Moment) -> None:
        """Called after the network has moved."""

    def enough(self) -> bool:
        """Whether training may stop after this step; see `Objective.enough`. Any part's word is enough."""
        return False

    def own(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Its further views."""
        return batch.views[self.first_view : self.first_view + self.views]


class Classification(Objective):
    """A loss an image, and parts around it. A base loss is a subclass that says `losses`.

    The loss is mean(w l) with w the product of the parts' weights, plus the parts' terms.
    """

    def __init__(self) -> None:
        super().__init__()
        self._parts = nn.ModuleList()

    @property
    def parts(self) -> list[Part]:
        return [part for part in self._parts if isinstance(part, Part)]

    def losses(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        """(b,) of logits (b, classes) float32; by `batch.shares` where they are given."""
        raise NotImplementedError(f"{type(self).__name__} must define losses")

    def judged(self, network: Network, features: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (b, classes) of features, and losses (b,): of a network with members, the mean of each one's own."""
        answers = network.answers(features)
        return pooled(answers), torch.stack([self.losses(logits, batch) for logits in answers]).mean(0)

    def beside(self, parts: Sequence[Part]) -> Classification:
        """This loss with these parts. Raises CutisError for two that sample in an order of their own, and for one that
        blends images beside one that asks what an image's group or counterpart is.
        """
        first_view = 1
        for part in parts:
            part.first_view = first_view
            first_view += part.views
        own_order = [p.name for p in parts if type(p).order is not Part.order]
        if len(own_order) > 1:
            raise CutisError(
                f"method: {' and '.join(own_order)} each draw images in their own order; take one of them."
            )
        for blending in (p for p in parts if p.blends):
            for other in parts:
                if other is not blending and (other.columns or other.alike):
                    raise CutisError(
                        f"method: {blending.name} blends images, and of a blend {other.name} can't tell the group or "
                        "the counterpart; take one of them."
                    )
        self._parts = nn.ModuleList(parts)
        self.views = first_view
        self.alike = frozenset(p.first_view + k for p in parts if p.alike for k in range(p.views))
        self.columns = tuple(dict.fromkeys(c for p in parts for c in p.columns))
        self.name = "+".join([self.name, *(p.name for p in parts)])
        return self

    def prepare(self, data: TrainingData, network: Network) -> None:
        for part in self.parts:
            part.prepare(data, network)

    def order(self, data: TrainingData, rng: np.random.Generator) -> np.ndarray:
        chosen = (part.order(data, rng) for part in self.parts)
        found = next((order for order in chosen if order is not None), None)
        return super().order(data, rng) if found is None else found

    def picture(
        self, view: int, pixels: list[np.ndarray], rows: np.ndarray, rng: np.random.Generator
    ) -> list[np.ndarray]:
        for part in self.parts:
            pixels = part.show(pixels, rows, rng)
        for part in self.parts:
            if part.first_view <= view < part.first_view + part.views:
                return part.picture(view - part.first_view, pixels, rows, rng)
        return pixels

    def loss(self, network: Network, batch: Batch, now: Moment) -> dict[str, torch.Tensor]:
        for part in self.parts:
            batch = part.change(batch, now)
        features = network.forward_features(batch.images)
        logits, each = self.judged(network, features, batch)
        step = Step(network, batch, now, features, logits, each, self)
        losses = step.losses
        for part in self.parts:
            if (weights := part.weigh(step)) is not None:
                losses = losses * weights
        terms = {self.name.split("+")[0].replace("-", "_"): losses.mean()}
        for part in self.parts:
            terms |= part.terms(step)
        return terms

    def after_step(self, network: Network, batch: Batch, now: Moment) -> None:
        for part in self.parts:
            part.after_step(network, batch, now)

    def enough(self) -> bool:
        return any(part.enough() for part in self.parts)
