"""Weights of images, by hand: group DRO, reweighing, resampling, fair error bounds."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toys import at_start, identity_network, toy_batch

from cutis.errors import CutisError
from cutis.train.objectives import objective
from cutis.train.objectives.base import TrainingData
from cutis.train.objectives.error_bound import FairErrorBound, error_bound_weights
from cutis.train.objectives.group_dro import GroupDro
from cutis.train.objectives.parts import Step
from cutis.train.objectives.reweighting import Resample, balancing_weights

# Rows 0..3 are group a, 4..6 group b, 7 unknown.
GROUP = ["a", "a", "a", "a", "b", "b", "b", None]
DATA = TrainingData(pl.DataFrame({"g": GROUP}), np.array([0, 0, 0, 1, 0, 1, 1, 1]), ["x", "y"], np.arange(8))


def weighed(part, losses: list[float], rows: list[int]) -> torch.Tensor:
    network = identity_network()
    batch = toy_batch(torch.zeros(len(rows), 3), DATA.target[rows].tolist())
    batch = batch.__class__(batch.views, batch.target, torch.tensor(rows))
    zeros = torch.zeros(len(rows), 3)
    step = Step(network, batch, at_start(network), zeros, zeros, torch.tensor(losses), objective("cross-entropy"))
    return part.weigh(step)


def test_group_dro_follows_algorithm_1():
    part = GroupDro("g", eta=0.5, within="all")
    part.prepare(DATA, identity_network())
    w = weighed(part, [1.0, 3.0, 5.0, 0.4], [0, 1, 4, 7])
    grown = np.array([0.5 * math.exp(0.5 * 2.0), 0.5 * math.exp(0.5 * 5.0)])
    q = grown / grown.sum()
    assert part.q.tolist() == pytest.approx(q.tolist(), abs=1e-6)
    # Mean over the three known images of w l is sum_g q_g l_g.
    losses = torch.tensor([1.0, 3.0, 5.0])
    assert (w[:3] * losses).mean().item() == pytest.approx(q[0] * 2 + q[1] * 5, rel=1e-5)
    assert w[3].item() == 1
    assert w.mean().item() == pytest.approx(1)


def test_group_dro_groups_are_within_classes_and_small_ones_get_a_bonus():
    part = GroupDro("g", eta=1.0, adjustment=2.0)
    part.prepare(DATA, identity_network())
    assert part.cells.tolist() == [0, 0, 0, 1, 2, 3, 3, -1]
    assert part.bonus.tolist() == pytest.approx([2 / math.sqrt(n) for n in (3, 1, 1, 2)])


def test_a_group_that_a_batch_lacks_waits():
    part = GroupDro("g", within="all")
    part.prepare(DATA, identity_network())
    w = weighed(part, [1.0, 2.0], [0, 1])
    assert w.tolist() == pytest.approx([1, 1])
    assert part.q.sum().item() == pytest.approx(1)


def test_reweighing_by_hand():
    w = balancing_weights(np.array([0, 0, 0, 0, 1, 1, 1, -1]), DATA.target)
    # P(a)=4/7, P(x)=4/7: joint (a,x)=3/7, (a,y)=1/7, (b,x)=1/7, (b,y)=2/7.
    cells = {(0, 0): 16 / 49 / (3 / 7), (0, 1): 12 / 49 / (1 / 7), (1, 0): 12 / 49 / (1 / 7), (1, 1): 9 / 49 / (2 / 7)}
    by_hand = [cells[g, y] for g, y in zip([0, 0, 0, 0, 1, 1, 1], DATA.target[:7].tolist(), strict=True)]
    assert w[:7] == pytest.approx(by_hand)
    assert w[7] == 1


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=6, max_size=60))
def test_reweighing_makes_group_and_class_independent(pairs):
    g, y = np.array(pairs).T
    seen = set(pairs)
    w = balancing_weights(g, y)
    assert w.mean() == pytest.approx(1)
    if len(seen) < len({a for a, _ in pairs}) * len({b for _, b in pairs}):
        return  # a cell without an image can't be given any weight
    joint = np.zeros((3, 3))
    np.add.at(joint, (g, y), w / len(w))
    assert joint == pytest.approx(np.outer(joint.sum(1), joint.sum(0)))


def test_groups_alone_weigh_the_same():
    w = balancing_weights(np.array([0, 0, 0, 1]), np.zeros(4, int))
    assert w == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])


def test_resampling_draws_by_the_weights():
    part = Resample("g", within="all")
    part.prepare(DATA, identity_network())
    rng = np.random.default_rng(0)
    drawn = np.concatenate([part.order(DATA, rng) for _ in range(1000)])
    shares = np.bincount(drawn, minlength=8) / len(drawn)
    assert shares[:4].sum() == pytest.approx(shares[4:7].sum(), abs=0.04)
    assert np.array_equal(part.order(DATA, np.random.default_rng(1)), part.order(DATA, np.random.default_rng(1)))
    with pytest.raises(CutisError, match="each draw images in their own order"):
        objective("cross-entropy").beside([Resample("g"), Resample("g")])


def test_error_bounds_by_hand():
    bounds, group = torch.tensor([0.5, 2.0]), torch.tensor([0, 0, 1, -1])
    assert error_bound_weights(bounds, group, 1.0).tolist() == pytest.approx([0.5, 0.5, 2.0, 1.0])
    assert error_bound_weights(bounds, group, 0.0).tolist() == [1, 1, 1, 1]
    halves = error_bound_weights(bounds, group, 0.5)
    assert halves[:3].tolist() == pytest.approx([0.75, 0.75, 1.5])
    assert error_bound_weights(bounds, torch.tensor([-1, -1]), 1.0).tolist() == [1, 1]


def test_error_bounds_move_with_the_batches():
    part = FairErrorBound("g", beta=1.0, momentum=0.5)
    part.prepare(DATA, identity_network())
    first = weighed(part, [1.0, 3.0], [0, 1])
    assert first.tolist() == [1, 1]  # the other group was not seen yet
    w = weighed(part, [4.0, 8.0], [0, 4])
    assert part.bounds.tolist() == pytest.approx([0.5 * 2 + 0.5 * 4, 8])
    assert (w[1] / w[0]).item() == pytest.approx(8 / 3)
    assert w.mean().item() == pytest.approx(1)


@pytest.mark.parametrize("method", ["group-dro", "reweight", "fair-error-bound"])
def test_bad_settings_are_named(method):
    wrong = {"group-dro": {"eta": 0}, "reweight": {"within": "x"}, "fair-error-bound": {"momentum": 1}}[method]
    with pytest.raises(CutisError, match=f"method {method}: setting {next(iter(wrong))}"):
        objective(method, column="g", **wrong)


def test_frequency_is_not_corrected_for_twice():
    assert objective("group-dro", column="g").tau == 0
    assert objective("group-dro", column="g", within="all").tau == 1
    assert objective("group-dro", column="g", tau=0.5).tau == 0.5
    assert objective("focal+group-dro", column="g").name == "focal+group-dro"
