"""Toys for tests of objectives: a network whose features are the image's first pixel, and batches of given logits."""

from __future__ import annotations

import numpy as np
import polars as pl
import torch
from torch import nn

from cutis.models.network import Network
from cutis.train.objectives.base import Batch, Moment, TrainingData


class Fixed(nn.Module):
    """A backbone whose features are the image's first pixel's three channels."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images[:, :, 0, 0]


class Small(nn.Module):
    """A backbone that trains in no time."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU()
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.body(images).mean((2, 3))


def small_network(name: str, classes: int, *, dropout: float = 0.0, pretrained: bool = False) -> Network:
    """In place of `cutis.models.network.build`."""
    return Network(Small(), 32, classes, dropout)


def identity_network() -> Network:
    """Its logits are the first pixel."""
    made = Network(Fixed(), 3, 3)
    with torch.no_grad():
        made.head.weight.copy_(torch.eye(3))
    return made


def toy_data(classes: int = 3, n: int = 9) -> TrainingData:
    table = pl.DataFrame({"image_id": [str(i) for i in range(n)]})
    return TrainingData(table, np.arange(n) % classes, ["a", "b", "c", "d"][:classes], np.arange(n))


def flat(logits: torch.Tensor, side: int = 4) -> torch.Tensor:
    return logits[:, :, None, None].expand(-1, -1, side, side)


def toy_batch(logits: torch.Tensor, target: list[int], *more: torch.Tensor) -> Batch:
    return Batch((flat(logits), *more), torch.tensor(target), torch.arange(len(target)))


def at_start(network: Network, step: int = 0) -> Moment:
    return Moment(step, 0.0, 0, network)
