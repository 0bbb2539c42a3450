"""A claim is data: what a paper says its mechanism does, and the trials in which that is looked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl

from cutis.data.dataset import Dataset
from cutis.evaluate.resampled import Statistic

Better = Literal["higher", "lower"]
Settings = Mapping[str, Any]  # fields of TrainConfig


@dataclass(frozen=True)
class Made:
    """A world that was made. train: split, with the columns to learn from. test, part: what is predicted, with `bias`
    where one is planted. oracle: `train` without the bias. settings: of every arm.
    """

    train: Dataset
    test: Dataset
    part: str | None
    oracle: Dataset | None
    settings: Settings
    folder: Path


# A run's bundle and its world -> one row an item, with the columns that the trial's metric reads, and `unit`.
Examine = Callable[[Path, Made], pl.DataFrame]
# The world, an arm's settings and the seed -> its settings, and the dataset that it trains on.
Change = Callable[[Made, Settings, int], tuple[Settings, Dataset]]


@dataclass(frozen=True)
class Metric:
    """A number of a table of items. statistic: the table -> a function of weights (items, r), giving (r,) values.

    unit: what it is counted in, "" for shares of 1.
    """

    name: str
    words: str
    better: Better
    statistic: Callable[[pl.DataFrame], Statistic]
    unit: str = ""


@dataclass(frozen=True)
class Trial:
    """Baseline against method in one world.

    baseline, method: fields of TrainConfig over the world's own; both get the same seeds, images and passes. metric:
    what the paper claims to better. beside: other metrics told, without a verdict. examine: how a bundle becomes the
    table; None is its predictions of the world's test images (`trial.predicted`). change: what comes before the
    method's training, if settings aren't enough: other data (inpainted, split otherwise), weights of a stage before.
    after: how the method's bundle becomes the table, where that is the method (answers changed afterwards); None is
    `examine`.
    """

    world: str
    metric: Metric
    method: Settings
    baseline: Settings = field(default_factory=dict)
    beside: tuple[Metric, ...] = ()
    examine: Examine | None = None
    change: Change | None = None
    after: Examine | None = None


@dataclass(frozen=True)
class Claim:
    """id: of the published system. claim: what the paper says, in a sentence. idea: in two. equation: plain text.

    differences: what we do otherwise, and why. where: the file of the mechanism, below src/cutis. use: a command.
    notes: world -> what we think of the result, two sentences, written after looking.
    """

    id: str
    title: str
    citation: str
    claim: str
    idea: str
    equation: str
    differences: str
    where: str
    use: str
    trials: tuple[Trial, ...]
    notes: Mapping[str, str] = field(default_factory=dict)

    def trial(self, world: str) -> Trial | None:
        return next((t for t in self.trials if t.world == world), None)
