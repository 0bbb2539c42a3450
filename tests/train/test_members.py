"""The trainer's loss of a network with members: each learns by its own."""

from __future__ import annotations

import torch
from torch.nn import functional as F
from toys import Fixed, at_start, toy_batch, toy_data

from cutis.models.network import Network
from cutis.models.structures import structured
from cutis.train.objectives import objective


def test_the_loss_is_the_mean_of_the_members_own():
    torch.manual_seed(0)
    network = structured("ensemble", lambda: Network(Fixed(), 3, 3), members=2)
    made = objective("cross-entropy", tau=0.0)
    made.prepare(toy_data(), network)
    logits, target = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    found = made.loss(network, toy_batch(logits, target.tolist()), at_start(network))["cross_entropy"]
    each = [F.cross_entropy(head(logits), target) for head in network.head]
    assert torch.allclose(found, (each[0] + each[1]) / 2)


def test_a_plain_network_has_one():
    network = Network(Fixed(), 3, 3)
    assert network.answers(torch.randn(5, 3)).shape == (1, 5, 3)
