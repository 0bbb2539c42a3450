"""FairDisCo's contrast, by hand; its confusion is tabe's."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
import torch
from toys import at_start, identity_network, toy_batch

from cutis.train.objectives import objective
from cutis.train.objectives.base import TrainingData
from cutis.train.objectives.fairdisco import contrastive


def test_the_contrast_by_hand():
    z = torch.tensor([[1.0, 0], [0.6, 0.8], [0, 5], [-2, 0]])
    target = torch.tensor([0, 0, 1, 1])
    unit = (z / z.norm(dim=1, keepdim=True)).numpy()
    t, each = 0.5, []
    for i in range(4):
        for j in range(4):
            if i != j and target[i] == target[j]:
                own = math.exp(unit[i] @ unit[j] / t)
                others = sum(math.exp(unit[i] @ unit[k] / t) for k in range(4) if target[k] != target[i])
                each.append(-math.log(own / (own + others)))
    assert contrastive(z, target, t).item() == pytest.approx(np.mean(each), rel=1e-5)


def test_without_a_pair_there_is_no_contrast():
    z = torch.randn(2, 4, requires_grad=True)
    assert contrastive(z, torch.tensor([0, 1]), 0.1).item() == 0
    loss = contrastive(z, torch.tensor([0, 0]), 0.1)  # nothing to push away
    loss.backward()
    assert loss.item() == pytest.approx(0)
    assert torch.isfinite(z.grad).all()


def test_all_its_terms_are_there_and_finite():
    data = TrainingData(pl.DataFrame({"g": list("abab")}), np.array([0, 0, 1, 1]), ["x", "y", "z"], np.arange(4))
    network = identity_network()
    made = objective("fairdisco", column="g", alpha=1, beta=0.8)
    made.prepare(data, network)
    batch = toy_batch(torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), [0, 0, 1, 1])
    terms = made.loss(network, batch, at_start(network))
    assert set(terms) == {"cross_entropy", "fairdisco_head", "fairdisco_confusion", "fairdisco_contrast"}
    assert all(torch.isfinite(t) for t in terms.values())
