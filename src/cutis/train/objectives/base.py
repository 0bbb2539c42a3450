"""What is learned, as a value: the trainer is one, objectives are many.

An objective says what loss a batch has. It may also ask for more: columns of the manifest, several views of each image,
its own order of the images, modules that exist only in training, a teacher (the moving average of the network), a
second optimiser in turn. The trainer gives these to any objective that asks, and knows nothing of why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import torch
from torch import nn

from cutis.models.network import Network


@dataclass(frozen=True)
class TrainingData:
    """What an objective may know of the training part before the first step.

    table: manifest rows, in the order that `Batch.rows` counts. target: (n,) class numbers. codes: class codes.
    groups: (n,) number of the patient or lesion each row belongs to. mean, std: one a channel; an image of a batch is
    (level / 255 - mean) / std.
    """

    table: pl.DataFrame
    target: np.ndarray
    codes: Sequence[str]
    groups: np.ndarray
    mean: Sequence[float] = (0.0, 0.0, 0.0)
    std: Sequence[float] = (1.0, 1.0, 1.0)

    def class_counts(self) -> np.ndarray:
        """(classes,) images of each class."""
        return np.bincount(self.target, minlength=len(self.codes))


@dataclass(frozen=True)
class Batch:
    """views: one tensor (b, 3, s, s) for each view asked for; the first is `images`. target: (b,) int64.

    rows: (b,) row numbers in the training table. columns: column -> (b,) int64 codes (-1 for unknown) or float32
    numbers (NaN for unknown), for each of the objective's `columns`. shares: (b, classes) of each class in the picture,
    where it is a blend of several; None where `target` says all.
    """

    views: tuple[torch.Tensor, ...]
    target: torch.Tensor
    rows: torch.Tensor
    columns: dict[str, torch.Tensor] = field(default_factory=dict)
    shares: torch.Tensor | None = None

    @property
    def images(self) -> torch.Tensor:
        return self.views[0]


@dataclass(frozen=True)
class Moment:
    """When: `step` (0-based), `progress` in 0..1 of the schedule, `player` whose turn it is.

    teacher: the moving average of the network, without gradients, in evaluation mode.
    """

    step: int
    progress: float
    player: int
    teacher: Network


class Objective(nn.Module):
    """Base of all objectives; a subclass overrides `loss` and whatever else it needs.

    Modules made in `prepare` are trained with the network, checkpointed, and left out of the bundle.
    """

    name: str = ""
    columns: tuple[str, ...] = ()
    views: int = 1
    alike: frozenset[int] = frozenset()  # views that are posed and coloured as the first is

    def prepare(self, data: TrainingData, network: Network) -> None:
        """Called once, before the optimisers are made: keep counts, build heads."""

    def order(self, data: TrainingData, rng: np.random.Generator) -> np.ndarray:
        """Row numbers of one epoch, in order; repeats are allowed. Default: each row once, shuffled."""
        return rng.permutation(len(data.target))

    def picture(
        self, view: int, pixels: list[np.ndarray], rows: np.ndarray, rng: np.random.Generator
    ) -> list[np.ndarray]:
        """What view number `view` shows of these rows, uint8 (s, s, 3) each, not augmented yet. Default: the images."""
        return pixels

    def players(self, network: Network) -> list[list[nn.Parameter]]:
        """Parameters of each optimiser, taken in turn each step. Default: one, of the network and this objective."""
        return [[*network.parameters(), *self.parameters()]]

    def loss(self, network: Network, batch: Batch, now: Moment) -> dict[str, torch.Tensor]:
        """Named scalar terms; their sum is minimised by the player whose turn it is, their values are logged."""
        raise NotImplementedError(f"{type(self).__name__} must define loss")

    def after_step(self, network: Network, batch: Batch, now: Moment) -> None:
        """Called after all players have moved: update memories, per-sample weights..."""

    def enough(self) -> bool:
        """Whether training may stop after this step, with the budget not spent."""
        return False
