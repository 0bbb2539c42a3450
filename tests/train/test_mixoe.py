"""MixOE: the confidence that it asks for, and where its outliers come from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from toys import at_start, flat, identity_network, toy_batch, toy_data

from cutis.errors import CutisError
from cutis.train.objectives import objective
from cutis.train.objectives.cutmix import outside
from cutis.train.objectives.mixoe import MixOE
from cutis.train.objectives.outliers import Outliers, made_up
from cutis.train.objectives.parts import Step


@pytest.mark.parametrize("share", [1.0, 0.7, 0.2, 0.0])
def test_confidence_is_asked_to_decay_linearly_to_chance(share, monkeypatch):
    """At the minimum of the blends' loss p_y = s + (1 - s) / K."""
    network = identity_network()
    made = objective("mixoe", tau=0.0, weight=1.0)
    made.prepare(toy_data(), network)
    (part,) = made.parts
    monkeypatch.setattr(torch.distributions.Beta, "sample", lambda self, shape: torch.full(shape, share))
    logits = torch.nn.Parameter(torch.zeros(1, 3))
    optimiser = torch.optim.Adam([logits], 0.3)
    for _ in range(300):
        batch = toy_batch(logits, [1], flat(logits))  # both views alike, so that any blend of them has these logits
        _, losses = made.judged(network, logits, batch)
        step = Step(network, batch, at_start(network), logits, logits, losses, made)
        optimiser.zero_grad()
        part.terms(step)["mixoe"].backward()
        optimiser.step()
    expected = share + (1 - share) / 3
    assert logits.softmax(1)[0, 1].item() == pytest.approx(expected, abs=0.02)


def test_the_loss_is_the_papers_with_tau_zero():
    network = identity_network()
    made = objective("mixoe", tau=0.0, weight=5.0)
    made.prepare(toy_data(), network)
    x, outlier = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, 0.3]]), torch.tensor([[0.0, 3.0, 1.0], [1.0, 1.0, -1.0]])
    batch = toy_batch(x, [0, 2], flat(outlier))
    torch.manual_seed(4)
    share = torch.distributions.Beta(1.0, 1.0).sample((2,))
    mixed = share[:, None] * x + (1 - share[:, None]) * outlier
    soft = share[:, None] * torch.eye(3)[[0, 2]] + (1 - share[:, None]) / 3
    by_hand = 5 * -(soft * mixed.log_softmax(1)).sum(1).mean()
    torch.manual_seed(4)
    assert torch.allclose(made.loss(network, batch, at_start(network))["mixoe"], by_hand)


def test_cut_pastes_a_rectangle_of_the_outlier():
    network = identity_network()
    made = objective("mixoe", tau=0.0, weight=1.0, blend="cut")
    made.prepare(toy_data(), network)
    x, outlier = torch.zeros(1, 3), torch.tensor([[4.0, 0.0, 0.0]])
    batch = replace(toy_batch(x, [0], flat(outlier)))
    torch.manual_seed(0)
    share = torch.distributions.Beta(1.0, 1.0).sample((1,))
    kept = outside(share, 4, 4)
    own = kept.float().mean()
    logits = x if kept[0, 0, 0, 0] else outlier
    soft = own * torch.eye(3)[[0]] + (1 - own) / 3
    torch.manual_seed(0)
    found = made.loss(network, batch, at_start(network))["mixoe"]
    assert torch.allclose(found, -(soft * logits.log_softmax(1)).sum())


def test_made_up_pictures_are_many_kinds_of_the_same_size():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (42, 42, 3), np.uint8)
    made = [made_up(picture, np.random.default_rng(i)) for i in range(12)]
    assert all(one.shape == picture.shape and one.dtype == np.uint8 for one in made)
    assert np.array_equal(made[3], made_up(picture, np.random.default_rng(3)))
    assert not any(np.array_equal(a, b) for i, a in enumerate(made) for b in made[:i])


def test_a_folder_of_outliers_is_what_is_shown(tmp_path: Path):
    for i, level in enumerate((40, 200)):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.full((30, 20, 3), level, np.uint8))
    shown = Outliers(str(tmp_path)).beside([np.zeros((16, 16, 3), np.uint8)] * 20, np.random.default_rng(0))
    assert {int(one[0, 0, 0]) for one in shown} == {40, 200}
    assert all(one.shape == (16, 16, 3) for one in shown)


def test_bad_settings(tmp_path: Path):
    with pytest.raises(CutisError, match="no folder with images"):
        MixOE(outliers=str(tmp_path / "none"))
    with pytest.raises(CutisError, match="weight = 0: expected above 0"):
        MixOE(weight=0)
    with pytest.raises(CutisError, match='blend = "cutt": did you mean "cut"'):
        MixOE(blend="cutt")
    (tmp_path / "bad.png").write_bytes(b"nothing")
    with pytest.raises(CutisError, match=r"bad\.png: .* Take it out of the folder"):
        Outliers(str(tmp_path)).beside([np.zeros((16, 16, 3), np.uint8)], np.random.default_rng(0))
    with pytest.raises(CutisError, match="one class only"):
        MixOE().prepare(toy_data(1), identity_network())
