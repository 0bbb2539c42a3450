"""Unlearning against its equations, and on a linear toy where the nuisance can be told perfectly at the start."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from toys import at_start, identity_network, toy_batch

from cutis.errors import CutisError
from cutis.models.network import Network
from cutis.train.objectives import objective
from cutis.train.objectives.base import Batch, Moment, TrainingData
from cutis.train.objectives.parts import Step
from cutis.train.objectives.unlearning import Lntl, Tabe, reversed_gradient

STEPS = 250  # of the toy
GROUP = ["a", "b", "a", "b", "a", "b", None]
DATA = TrainingData(pl.DataFrame({"g": GROUP}), np.array([0, 1, 2, 0, 1, 2, 0]), ["x", "y", "z"], np.arange(7))


def step_of(features: torch.Tensor, network: Network) -> Step:
    batch = toy_batch(features, DATA.target.tolist())
    logits = network.classify(features)
    base = objective("cross-entropy")
    return Step(network, batch, at_start(network), features, logits, torch.zeros(len(features)), base)


def prepared(made, hidden_of=identity_network):
    network = hidden_of()
    made.prepare(DATA, network)
    return made, network


def test_the_gradient_comes_back_with_its_sign_turned():
    x = torch.tensor([1.0, -2.0], requires_grad=True)
    y = reversed_gradient(x, 0.3)
    assert torch.equal(y, x)
    (y * torch.tensor([5.0, 7.0])).sum().backward()
    assert torch.allclose(x.grad, torch.tensor([-1.5, -2.1]))


def test_lntl_is_its_equation():
    made, network = prepared(Lntl("g", strength=0.7, certainty=0.2, hidden=0))
    features = torch.randn(7, 3, generator=torch.Generator().manual_seed(1)).requires_grad_()
    terms = made.terms(step_of(features, network))
    w, b = made.head.weight.detach(), made.head.bias.detach()
    log_q = F.log_softmax(features.detach()[:6] @ w.T + b, dim=1)
    group = torch.tensor([0, 1, 0, 1, 0, 1])
    assert torch.allclose(terms["lntl_head"], -log_q[torch.arange(6), group].mean())
    assert torch.allclose(terms["lntl_certainty"], 0.2 * (log_q.exp() * log_q).sum(1).mean())
    terms["lntl_head"].backward()
    down = (log_q.exp() - F.one_hot(group, 2)) / 6  # of the cross-entropy by the head's logits
    assert torch.allclose(made.head.weight.grad, down.T @ features.detach()[:6], atol=1e-6)  # the head descends
    assert torch.allclose(features.grad[:6], -0.7 * down @ w, atol=1e-6)  # the features climb
    assert torch.equal(features.grad[6], torch.zeros(3))  # of unknown group


def test_tabe_is_its_equation():
    made, network = prepared(Tabe("g", strength=2.0, hidden=0))
    features = torch.randn(7, 3, generator=torch.Generator().manual_seed(2)).requires_grad_()
    terms = made.terms(step_of(features, network))
    log_q = F.log_softmax(features.detach()[:6] @ made.head.weight.T + made.head.bias, dim=1)
    assert torch.allclose(terms["tabe_confusion"], -2.0 * log_q.mean())
    terms["tabe_head"].backward(retain_graph=True)
    assert features.grad is None  # the head learns from features held still
    made.head.zero_grad()
    terms["tabe_confusion"].backward()
    assert made.head.weight.grad is None or not made.head.weight.grad.any()  # under a head held still
    assert features.grad[:6].abs().sum() > 0


def test_within_a_class_each_has_a_head_of_its_own():
    made, network = prepared(Tabe("g", hidden=0, within="class"))
    features = torch.randn(7, 3, generator=torch.Generator().manual_seed(3))
    said = (features[:6] @ made.head.weight.T + made.head.bias).view(6, 3, 2)
    target, group = torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([0, 1, 0, 1, 0, 1])
    by_hand = F.cross_entropy(said[torch.arange(6), target], group)
    assert torch.allclose(made.terms(step_of(features, network))["tabe_head"], by_hand)


def test_rare_groups_count_as_much_as_common_ones():
    rare = replace(DATA, table=pl.DataFrame({"g": ["a", "b", "b", "b", "b", "a", None]}))
    group, target = torch.tensor([0, 1, 1, 1, 1, 0]), torch.tensor([0, 1, 2, 0, 1, 2])
    features = torch.randn(7, 3, generator=torch.Generator().manual_seed(4))
    for within, counts in (("all", [[2, 4]]), ("class", [[1, 1], [1, 2], [1, 1]])):
        made, network = Tabe("g", hidden=0, within=within), identity_network()
        made.prepare(rare, network)
        said = (features[:6] @ made.head.weight.T + made.head.bias).view(6, made.heads, 2)
        which = target if within == "class" else torch.zeros_like(target)
        each = F.cross_entropy(said[torch.arange(6), which], group, reduction="none")
        weight = torch.tensor([1 / counts[w][g] for w, g in zip(which, group, strict=True)])
        by_hand = (weight * each).sum() / weight.sum()
        assert torch.allclose(made.terms(step_of(features, network))["tabe_head"], by_hand)


def test_a_batch_of_unknowns_costs_nothing():
    made, network = prepared(Lntl("g"))
    batch = Batch((torch.ones(1, 3, 4, 4),), torch.tensor([0]), torch.tensor([6]))
    features = torch.ones(1, 3, requires_grad=True)
    step = Step(network, batch, at_start(network), features, features, torch.zeros(1), objective("cross-entropy"))
    assert sum(made.terms(step).values()).item() == 0


class Mix(nn.Module):
    """A linear backbone that must leave something out: (n, 3, h, w) -> (n, 2) of the first pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(3, 2, bias=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.mix(images[:, :, 0, 0])


def probe(features: torch.Tensor, wanted: torch.Tensor) -> float:
    """Accuracy of a fresh linear classifier, half learned, half asked, that sees a tenth of the features' spread as
    noise: without any, it would tell what is left at any scale, however small."""
    from sklearn.linear_model import LogisticRegression

    x, y = ((features - features.mean(0)) / features.std()).numpy(), wanted.numpy()
    x = x + np.random.default_rng(1).normal(0, 0.1, x.shape)
    return float(LogisticRegression(C=100).fit(x[::2], y[::2]).score(x[1::2], y[1::2]))


def toy_run(method: str, **settings) -> tuple[float, float]:
    """Accuracy of probes for (class, nuisance) on features of a linear toy: channel 0 tells the class, 1 the nuisance,
    and 2 nothing."""
    rng = np.random.default_rng(0)
    n = 256
    target, group = rng.integers(0, 2, n), rng.integers(0, 2, n)
    pixels = np.stack([2.0 * target - 1, 2.0 * group - 1, np.zeros(n)], 1) + rng.normal(0, [0.3, 0.3, 1.0], (n, 3))
    images = torch.from_numpy(pixels).float()[:, :, None, None]
    data = TrainingData(pl.DataFrame({"g": group.astype(str)}), target, ["x", "y"], np.arange(n))
    torch.manual_seed(0)
    network = Network(Mix(), 2, 2)
    made = objective(method, **settings)
    made.prepare(data, network)
    optimiser = torch.optim.AdamW(made.players(network)[0], lr=0.01)
    average = copy.deepcopy(network)  # which is what the trainer freezes
    for step in range(STEPS):
        rows = torch.from_numpy(rng.integers(0, n, 128))
        batch = Batch((images[rows],), torch.from_numpy(target)[rows], rows)
        loss = sum(made.loss(network, batch, Moment(step, step / STEPS, 0, network)).values())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            for slow, fast in zip(average.parameters(), network.parameters(), strict=True):
                slow.lerp_(fast, 0.03)
    with torch.no_grad():
        features = average.forward_features(images)
    return probe(features, torch.from_numpy(target)), probe(features, torch.from_numpy(group))


def test_the_toy_can_tell_the_nuisance_before():
    known, nuisance = toy_run("cross-entropy")
    assert known > 0.95
    assert nuisance > 0.7


@pytest.mark.parametrize("method", ["lntl", "tabe"])
def test_unlearning_leaves_the_nuisance_at_chance(method):
    known, nuisance = toy_run(method, column="g", strength=3.0, hidden=0)
    assert known > 0.95
    assert nuisance < 0.65


def test_settings_out_of_range():
    for settings, words in (
        ({"strength": -1}, "setting strength = -1: expected 0 or more"),
        ({"hidden": 1e6}, "hidden = 1e\\+06"),
        ({"within": "image"}, 'setting within = "image"'),
    ):
        with pytest.raises(CutisError, match=words):
            objective("tabe", column="g", **settings)
    with pytest.raises(CutisError, match="certainty = -1"):
        Lntl("g", certainty=-1)
    with pytest.raises(CutisError, match="one group"):
        Lntl("g").prepare(replace(DATA, table=pl.DataFrame({"g": ["a"] * 7})), identity_network())
