"""Concepts, DISC and rewriting: planted directions are found, and what is forbidden is pushed out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from torch.nn import functional as F
from toys import at_start, identity_network, toy_batch

from cutis.errors import CutisError
from cutis.models.network import Network
from cutis.train.objectives import objective
from cutis.train.objectives.base import Batch, Moment, TrainingData
from cutis.train.objectives.concepts import concept_shift, concept_vector, present
from cutis.train.objectives.disc import ETA, Disc, concept_influence, environments
from cutis.train.objectives.rewriting import Rewriting, concept_slopes, read_rule


def test_a_planted_direction_is_found():
    rng = torch.Generator().manual_seed(0)
    there = torch.arange(200) % 2 == 0
    spread = torch.tensor([4.0, 1.0, 1.0, 1.0])  # the noisiest feature is not the concept
    features = torch.randn(200, 4, generator=rng) * spread + there[:, None] * torch.tensor([0.0, 3.0, 0.0, 0.0])
    vector = concept_vector(features, there)
    assert vector.norm().item() == pytest.approx(1)
    assert vector[1].item() > 0.97


def test_the_direction_is_the_ridged_discriminant():
    features = torch.tensor([[1.0, 0], [3, 1], [0, 2], [0, 4]])
    there = torch.tensor([True, True, False, False])
    x = features.numpy()
    one, other = x[:2], x[2:]
    spread = np.concatenate([one - one.mean(0), other - other.mean(0)])
    within = spread.T @ spread / 4
    within += 0.1 * np.trace(within) / 2 * np.eye(2)
    v = np.linalg.solve(within, one.mean(0) - other.mean(0))
    assert concept_vector(features, there).numpy() == pytest.approx(v / np.linalg.norm(v), abs=1e-5)


def test_a_shift_is_within_the_diagnosis():
    features = torch.tensor([[1.0, 0], [5, 1], [5, 3], [0, 0], [9, 9], [1, 9]])
    there, target = torch.tensor([True, True, True, False, False, True]), torch.tensor([0, 1, 1, 0, 1, 2])
    first, second = torch.tensor([1.0, 0]) - 0, torch.tensor([5.0, 2]) - 9
    assert torch.equal(concept_shift(features, there, target), (first + second) / 2)
    alone = concept_shift(features, there, torch.tensor([0, 0, 0, 1, 1, 0]))  # the concept is the diagnosis
    assert torch.equal(alone, features[there].mean(0) - features[~there].mean(0))


def test_what_says_that_a_concept_is_there():
    table = pl.DataFrame({"w": ["ruler", "none", None, " No ", "yes"], "b": [True, False, None, False, True]})
    assert present(table, "w", "x").tolist() == [1, 0, -1, 0, 1]
    assert present(table, "b", "x").tolist() == [1, 0, -1, 0, 1]
    assert present(pl.DataFrame({"n": [0, 2, None, 1, 0]}), "n", "x").tolist() == [0, 1, -1, 1, 0]
    with pytest.raises(CutisError, match="column w: 1 training images with it"):
        present(pl.DataFrame({"w": ["ruler", "none", "none"]}), "w", "x")


def test_influence_is_its_equation():
    rng = torch.Generator().manual_seed(1)
    features, weight = torch.randn(8, 3, generator=rng), torch.randn(2, 3, generator=rng)
    bias = torch.randn(2, generator=rng)
    target, which = torch.tensor([0, 1] * 4), torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
    vectors = torch.randn(5, 3, generator=rng)
    found = concept_influence(features, features @ weight.T + bias, target, which, vectors)
    for e in (0, 1):  # by autograd
        w, b = weight.clone().requires_grad_(), bias.clone().requires_grad_()
        F.cross_entropy(features[which == e] @ w.T + b, target[which == e]).backward()
        by_hand = (-ETA * (vectors @ w.grad.T + b.grad)).softmax(1)
        assert torch.allclose(found[e], by_hand, atol=1e-6)
    assert torch.allclose(found.sum(2), torch.ones(2, 5))


def planted(n: int = 400) -> tuple[TrainingData, torch.Tensor]:
    """Channel 0 tells the class, 1 the ruler, 9 in 10 with class 1, and 2 hair, at random."""
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, n)
    ruler = np.where(rng.random(n) < 0.9, target, 1 - target)
    hair = rng.integers(0, 2, n)
    pixels = np.stack([1.2 * target, 3.0 * ruler, 1.0 * hair], 1) + rng.normal(0, 0.5, (n, 3))
    table = pl.DataFrame({"ruler": ruler.astype(bool), "hair": hair.astype(bool)})
    return TrainingData(table, target, ["nv", "mel"], np.arange(n)), torch.from_numpy(pixels).float()


def remembered(part, data: TrainingData, features: torch.Tensor) -> Network:
    network = Network(torch.nn.Identity(), 3, 2)
    part.prepare(data, network)
    part.memory.copy_(features)
    part.filled[:] = True
    return network


def test_disc_finds_the_concept_that_differs_between_environments():
    data, features = planted()
    part = Disc("ruler,hair", environments=2)
    network = remembered(part, data, features)
    with torch.no_grad():  # a network that goes by the ruler
        network.head.weight.copy_(torch.tensor([[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]]))
        network.head.bias.copy_(torch.tensor([1.5, -1.5]))
    logits, target = network.classify(features), torch.from_numpy(data.target)
    agrees = (torch.from_numpy(data.table["ruler"].to_numpy()).long() == target).long()
    influence = concept_influence(features, logits, target, agrees, torch.eye(3)[1:])
    assert influence[:, 0].std(0).min() > 3 * influence[:, 1].std(0).max()
    chance = part.discover(network)
    assert torch.allclose(chance.sum(1), torch.ones(2))
    assert chance[:, 0].min() > 0.8  # the ruler


def test_environments_are_within_classes():
    data, features = planted(60)
    logits = torch.zeros(60, 2)
    which = environments(features, logits, torch.from_numpy(data.target), 3)
    for code in (0, 1):
        assert set(which[data.target == code].tolist()) == {0, 1, 2}


def test_disc_mixes_into_other_classes_and_keeps_labels():
    data, features = planted(32)
    part = Disc("ruler,hair", share=1.0, warmup=0.0)
    remembered(part, data, features)
    batch = Batch((features[:, :, None, None].clone(),), torch.from_numpy(data.target), torch.arange(32))
    assert part.change(batch, at_start(identity_network())) is batch  # nothing is known yet
    part.chance[:] = torch.tensor([[1.0, 0.0], [0.0, 0.0]])  # a ruler is what class 0 goes by
    torch.manual_seed(0)
    mixed = part.change(batch, at_start(identity_network()))
    moved = (mixed.images != batch.images).flatten(1).any(1)
    assert torch.equal(mixed.target, batch.target)
    assert not moved[batch.target == 0].any()  # their other class has no concept to mix in
    assert moved[batch.target == 1].any()
    partners = features[data.table["ruler"].to_numpy() & (data.target == 1)]
    for i in moved.nonzero()[:, 0].tolist():  # on the line between itself and some image of its class with a ruler
        towards = mixed.images[i, :, 0, 0] - features[i]
        cosine = F.cosine_similarity(towards[None], partners - features[i], dim=1)
        assert cosine.max() > 0.999


def test_disc_keeps_half_of_an_image_whose_class_never_shows_the_concept():
    ruler = np.arange(32) % 2 == 1
    data = TrainingData(pl.DataFrame({"ruler": ruler}), 1 - ruler.astype(int), ["nv", "mel"], np.arange(32))
    pixels = torch.from_numpy(np.repeat(ruler[:, None].astype(np.float32), 3, 1))
    part = Disc("ruler", share=1.0, warmup=0.0)
    remembered(part, data, pixels)
    part.chance[:] = 1
    torch.manual_seed(0)
    batch = Batch((pixels[:, :, None, None].clone(),), torch.from_numpy(data.target), torch.arange(32))
    mixed = part.change(batch, at_start(identity_network())).images[:, 0, 0, 0]
    assert (mixed[~ruler] > 0.05).any()
    assert (mixed[~ruler] <= 0.5).all()
    assert (mixed[ruler] == 1).all()


def trained(method: str, steps: int = 160, **settings) -> Network:
    data, pixels = planted()
    torch.manual_seed(0)

    class Mix(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mix = torch.nn.Linear(3, 4)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.mix(images[:, :, 0, 0])

    network = Network(Mix(), 4, 2)
    made = objective(method, **settings)
    made.prepare(data, network)
    optimiser = torch.optim.AdamW(made.players(network)[0], lr=0.01)
    rng = np.random.default_rng(1)
    for step in range(steps):
        rows = torch.from_numpy(rng.permutation(400)[:80])
        batch = Batch((pixels[rows][:, :, None, None],), torch.from_numpy(data.target)[rows], rows)
        now = Moment(step, step / steps, 0, network)
        loss = sum(made.loss(network, batch, now).values())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        made.after_step(network, batch, now)
    return network


def effects(network: Network) -> tuple[float, float]:
    """Change of the log-odds of melanoma by a ruler, and by the lesion."""
    shown = torch.zeros(3, 3, 1, 1)
    shown[1, 1], shown[2, 0] = 3.0, 1.2
    with torch.no_grad():
        odds = network(shown) @ torch.tensor([-1.0, 1.0])
    return float(odds[1] - odds[0]), float(odds[2] - odds[0])


def test_not_ruler_makes_the_ruler_count_less():
    plain, _ = effects(trained("cross-entropy"))
    told, lesion = effects(trained("rewriting", rule="not ruler", strength=10.0))
    assert plain > 2
    assert abs(told) < 0.2 * plain
    assert lesion > abs(told)


def test_slopes_are_derivatives_of_log_probabilities():
    network = identity_network()
    features, directions = torch.randn(5, 3), torch.randn(2, 3)
    slopes = concept_slopes(network, features, directions)
    eps = 1e-3
    for k in (0, 1):
        up = F.log_softmax(network.classify(features + eps * directions[k]), 1)
        down = F.log_softmax(network.classify(features - eps * directions[k]), 1)
        assert torch.allclose(slopes[k], (up - down) / (2 * eps), atol=2e-3)


def test_rules():
    assert read_rule("not ruler") == (("ruler", None),)
    assert read_rule("not ruler and not ink for mel") == (("ruler", None), ("ink", "mel"))
    for wrong in ("ruler", "not", "not ruler or ink", ""):
        with pytest.raises(CutisError, match='expected "not CONCEPT"'):
            read_rule(wrong)
    data, _ = planted(20)
    part = Rewriting("not ruler for mel and not hair")
    part.prepare(data, identity_network())
    assert part.forbidden.tolist() == [[0, 1], [1, 1]]
    with pytest.raises(CutisError, match='not ruler for mell": did you mean "mel"'):
        Rewriting("not ruler for mell").prepare(data, identity_network())


def test_only_so_many_exemplars_are_looked_at():
    data, _ = planted(60)
    part = Rewriting("not ruler", exemplars=5)
    part.prepare(data, identity_network())
    assert part.shown.sum().item() == 10
    with pytest.raises(CutisError, match="needs a manifest column ruler"):
        Rewriting("not ruler").prepare(replace(data, table=pl.DataFrame({"hair": [True] * 60})), identity_network())


def test_a_memory_is_filled_by_what_passes():
    data, features = planted(20)
    data = replace(data, codes=["nv", "mel", "bkl"])
    made = objective("disc", concepts="ruler")
    made.prepare(data, identity_network())
    made.loss(identity_network(), toy_batch(features[:5], data.target[:5].tolist()), at_start(identity_network()))
    part = made.parts[0]
    assert part.filled.tolist() == [True] * 5 + [False] * 15
    assert torch.allclose(part.memory[:5].float(), features[:5], atol=1e-2)
