"""CIRCLe: distances by hand, counterparts of phantoms, and nothing where nothing was changed."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from toys import at_start, identity_network, toy_batch

from cutis.image.decode import decode, read_bytes
from cutis.image.tone import estimate_tone
from cutis.phantom.dataset import make_dataset
from cutis.train.objectives import objective
from cutis.train.objectives.base import TrainingData
from cutis.train.objectives.circle import LEAST_CHANGE, Circle, between_groups
from cutis.train.objectives.parts import Step

DATA = TrainingData(pl.DataFrame({"g": ["a", "b", "a", "b"]}), np.array([0, 0, 1, 1]), ["x", "y", "z"], np.arange(4))


def circled(first: torch.Tensor, second: torch.Tensor, changed: list[bool], strength: float) -> float:
    network = identity_network()
    made = Circle(strength)
    made.prepare(DATA, network)
    made.changed[:] = torch.tensor(changed)
    batch = toy_batch(first, [0, 0, 1, 1], second[:, :, None, None].expand(-1, -1, 4, 4))
    features = network.forward_features(batch.images)
    step = Step(network, batch, at_start(network), features, features, torch.zeros(4), objective("cross-entropy"))
    return made.terms(step)["circle"].item()


def test_the_distance_is_zero_where_the_transform_is_identity():
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    assert circled(x, x, [True] * 4, 5.0) == 0


def test_the_distance_is_the_mean_square_over_images_that_were_changed():
    x, y = torch.zeros(4, 3), torch.tensor([[1.0, 2, 2], [3, 0, 0], [9, 9, 9], [0, 0, 0]])
    assert circled(x, y, [True, True, False, False], 2.0) == pytest.approx(2 * (9 / 3 + 9 / 3) / 2)
    assert circled(x, y, [False] * 4, 2.0) == 0


def test_between_groups_by_hand():
    x = torch.tensor([[0.0, 0], [3, 4], [1, 1], [1, 1], [7, 7]])
    target, group = torch.tensor([0, 0, 1, 1, 0]), torch.tensor([0, 1, 0, 1, -1])
    assert between_groups(x, target, group).item() == pytest.approx((25 + 0) / 2 / 2)
    assert between_groups(x, target, torch.zeros(5, dtype=torch.long)).item() == 0
    apart = torch.tensor([0, 1, 2, 3, 4])
    assert between_groups(x, apart, group).item() == 0


def test_labelled_groups_are_a_method():
    network = identity_network()
    made = objective("circle-groups", column="g", strength=3.0)
    made.prepare(DATA, network)
    x = torch.tensor([[0.0, 0, 0], [3, 0, 0], [1, 1, 1], [1, 1, 1]])
    terms = made.loss(network, toy_batch(x, [0, 0, 1, 1]), at_start(network))
    assert terms["circle_groups"].item() == pytest.approx(3 * (9 / 3 + 0) / 2)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> list[np.ndarray]:
    data = make_dataset(tmp_path_factory.mktemp("circle") / "data", 6, size=64, seed=3)
    return [decode(read_bytes(data.path / f), f) for f in data.manifest["file"]]


def test_a_counterpart_is_the_same_picture_on_another_skin(photographs):
    made = Circle()
    made.prepare(TrainingData(pl.DataFrame(), np.zeros(6, int), ["x"], np.arange(6)), identity_network())
    rows, rng = np.arange(6), np.random.default_rng(0)
    shown = made.picture(0, photographs, rows, rng)
    changed = made.changed.tolist()
    assert any(changed)
    for own, other, is_changed in zip(photographs, shown, changed, strict=True):
        assert other.shape == own.shape
        assert other.dtype == np.uint8
        if is_changed:
            before, after = estimate_tone(own).ita, estimate_tone(other).ita
            assert abs(before - after) >= LEAST_CHANGE / 2
        else:
            assert other is own
    again = Circle()
    again.prepare(TrainingData(pl.DataFrame(), np.zeros(6, int), ["x"], np.arange(6)), identity_network())
    other_order = again.picture(0, photographs[::-1], rows[::-1], np.random.default_rng(7))
    assert all(np.array_equal(a, b) for a, b in zip(shown, other_order[::-1], strict=True))
