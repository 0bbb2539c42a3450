"""Stopping by the data's variation: the standard deviations by hand, and when the rule is met."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from toys import at_start, toy_data

from cutis.errors import CutisError
from cutis.models.network import Network
from cutis.train.objectives import objective
from cutis.train.objectives.base import Batch
from cutis.train.objectives.stop_learning import StopLearning


def two_layers() -> Network:
    torch.manual_seed(0)
    backbone = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.Conv2d(2, 4, 1), nn.Flatten(1), nn.AdaptiveAvgPool1d(4))
    return Network(backbone, 4, 3)


def a_batch(n: int = 4) -> Batch:
    return Batch((torch.randn(n, 3, 2, 2),), torch.arange(n) % 3, torch.arange(n))


def epochs(part, made, network, count: int) -> None:
    for _ in range(2 * count):  # 9 images in batches of 4: two steps an epoch, the ninth is left out
        batch = a_batch()
        made.loss(network, batch, at_start(network))
        made.after_step(network, batch, at_start(network))


def test_it_measures_what_enters_each_layer_but_the_first():
    network = two_layers().train()
    made = objective("stop-learning", decimals=6)
    made.prepare(toy_data(), network)
    (part,) = made.parts
    batch = a_batch()
    made.loss(network, batch, at_start(network))
    with torch.no_grad():
        hidden = network.backbone[:2](batch.images)
        features = network.backbone(batch.images)
    assert torch.allclose(part.sums, torch.stack([hidden.std(), features.std()]), atol=1e-6)
    assert part.steps.tolist() == [1, 1]
    assert not any(m._forward_pre_hooks for m in network.modules())  # nothing stays behind
    copy.deepcopy(network)


def test_it_stops_when_no_rounded_mean_changes_for_so_many_epochs():
    network = two_layers().train()
    made = objective("stop-learning", decimals=0, epochs=3)
    made.prepare(toy_data(), network)
    (part,) = made.parts
    torch.manual_seed(1)
    for done in range(3):
        assert not made.enough()
        epochs(part, made, network, 1)
        assert part.means.isnan().any(1).sum().item() == 2 - done
    part.means[:] = torch.tensor([1.0, 2.0])
    assert made.enough()
    part.means[0, 1] = 2.5
    assert not made.enough()


def test_an_epoch_that_changed_something_counts_anew():
    part = StopLearning(epochs=2)
    part.prepare(toy_data(), two_layers())
    part.means = torch.tensor([[1.0, 2.0], [1.0, 2.01]])
    assert not part.enough()
    part.means = torch.tensor([[1.0, 2.01], [1.0, 2.01]])
    assert part.enough()


def test_it_says_what_it_cannot_do():
    with pytest.raises(CutisError, match="epochs = 1: expected a whole number 2 to 100"):
        objective("stop-learning", epochs=1)
    with pytest.raises(CutisError, match="fewer than two"):
        StopLearning().prepare(toy_data(), Network(nn.Flatten(), 3, 3))
