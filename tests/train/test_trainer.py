"""The trainer hosts what later methods need, without knowing them: columns, views, order, modules, players, teacher."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch import nn
from torch.nn import functional as F

import cutis
from cutis.data.dataset import Dataset
from cutis.models.network import Network
from cutis.train.feed import Feed, Normalise, encode_column
from cutis.train.objectives import LOSSES
from cutis.train.objectives.base import Batch, Moment, Objective, TrainingData

SEEN: dict[str, list] = {}
QUICK = {"size": 32, "batch_size": 32, "flips": False, "precision": "32-true", "epochs": 2}


class Reverse(torch.autograd.Function):
    """Gradient reversal (Ganin & Lempitsky 2015)."""

    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return -gradient


class Everything(Objective):
    """Asks for all that an objective may ask for, and notes what it got."""

    name = "everything"
    columns = ("fitzpatrick_skin_type", "age_approx")
    views = 2

    def prepare(self, data: TrainingData, network: Network) -> None:
        self.tone = nn.Linear(network.num_features, 6)
        self.register_buffer("weight", torch.ones(len(data.target)))
        SEEN.clear()
        SEEN.update(rows=[], players=[], tones=[], ages=[], teacher=[], views=[])

    def order(self, data: TrainingData, rng: np.random.Generator) -> np.ndarray:
        return np.repeat(rng.permutation(len(data.target)), 2)  # each image twice in a row: pairs

    def players(self, network: Network) -> list[list[nn.Parameter]]:
        return [list(network.parameters()), list(self.tone.parameters())]

    def loss(self, network: Network, batch: Batch, now: Moment) -> dict[str, torch.Tensor]:
        SEEN["players"].append(now.player)
        SEEN["tones"].append(batch.columns["fitzpatrick_skin_type"])
        SEEN["ages"].append(batch.columns["age_approx"])
        SEEN["views"].append((batch.views[0] - batch.views[1]).abs().mean().item())
        features = network.forward_features(batch.images)
        known = batch.columns["fitzpatrick_skin_type"] >= 0
        adversary = F.cross_entropy(self.tone(features)[known], batch.columns["fitzpatrick_skin_type"][known])
        if now.player == 1:
            return {"tone": adversary}
        with torch.no_grad():
            goal = now.teacher(batch.views[1]).softmax(1)
            SEEN["teacher"].append(any(p.requires_grad for p in now.teacher.parameters()))
        logits = network.classify(features)
        losses = F.cross_entropy(logits, batch.target, reduction="none") * self.weight[batch.rows]
        reversed_ = F.cross_entropy(
            self.tone(Reverse.apply(features))[known], batch.columns["fitzpatrick_skin_type"][known]
        )
        return {"class": losses.mean(), "fool": 0.1 * reversed_, "agree": F.mse_loss(logits.softmax(1), goal)}

    def after_step(self, network: Network, batch: Batch, now: Moment) -> None:
        SEEN["rows"].append(batch.rows)
        self.weight[batch.rows] *= 0.9


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LOSSES, "everything", Everything)


def test_an_objective_gets_all_it_asks_for(skin: Dataset, out, everything):
    bundle = cutis.train(skin, out, method="everything", **QUICK)
    assert SEEN["players"][:4] == [0, 1, 0, 1]
    assert all(len(rows) % 2 == 0 and (rows[::2] == rows[1::2]).all() for rows in SEEN["rows"])
    assert set(torch.cat(SEEN["tones"]).tolist()) <= set(range(6))
    assert torch.cat(SEEN["ages"]).nanmean() > 10
    assert min(SEEN["views"]) > 0  # two views differ
    assert not any(SEEN["teacher"])
    names = load_file(bundle / "weights.safetensors").keys()
    assert all(name.startswith(("backbone.", "head.")) for name in names)  # training-only parts stay behind


def test_training_only_parts_are_checkpointed(skin: Dataset, out, everything):
    cutis.train(skin, out, method="everything", **QUICK)
    state = torch.load(out / "checkpoint.pt", weights_only=True)
    assert {"tone.weight", "tone.bias", "weight"} <= set(state["objective"])
    assert len(state["optimisers"]) == 2
    assert state["objective"]["weight"].min() < 0.9


def test_a_missing_column_is_named(skin: Dataset, out, monkeypatch):
    class Odd(Objective):
        name, columns = "odd", ("monk",)

    monkeypatch.setitem(LOSSES, "odd", Odd)
    with pytest.raises(cutis.CutisError, match="needs a manifest column monk"):
        cutis.train(skin, out, method="odd", **QUICK)


def test_a_batch_depends_on_seed_and_step_alone(skin: Dataset):
    from cutis.train.augment import Augmentation
    from cutis.train.objectives.cross_entropy import CrossEntropy

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (50, 40, 40, 3), np.uint8)
    table = skin.manifest.head(50)
    data = TrainingData(table, rng.integers(0, 3, 50), ["a", "b", "c"], np.arange(50))

    def feed() -> Feed:
        normalise = Normalise((0.5, 0.5, 0.5), (0.2, 0.2, 0.2), torch.device("cpu"))
        return Feed(
            images, data, CrossEntropy(), normalise, size=32, batch_size=16, augmentation=Augmentation(), seed=7
        )

    forward = feed()
    batches = [forward.batch(step) for step in range(8)]
    backward = feed()
    for step in reversed(range(8)):
        again = backward.batch(step)
        assert torch.equal(again.images, batches[step].images)
        assert torch.equal(again.rows, batches[step].rows)
    epoch = torch.cat([b.rows for b in batches[:3]])
    assert len(epoch.unique()) == 48  # without replacement within an epoch
    assert batches[0].images.is_contiguous(memory_format=torch.channels_last)
    first, second = batches[0].images.data_ptr(), batches[1].images.data_ptr()
    assert first != second  # a batch that is still held keeps its memory
    del batches
    assert forward.batch(8).images.data_ptr() in {b.ctypes.data for b in forward._buffers}
    forward.close()
    backward.close()


def test_columns_become_codes_or_numbers_and_unknown_stays_unknown():
    import polars as pl

    assert encode_column(pl.Series(["b", None, "a"])).tolist() == [1, -1, 0]
    numbers = encode_column(pl.Series([1, None, 3], dtype=pl.Int16))
    assert numbers[0] == 1
    assert numbers[1].isnan()
