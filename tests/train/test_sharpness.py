"""SAM against its equations, and in the trainer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cutis.train.sharpness import uphill


def test_inside_the_weights_stand_rho_uphill_and_come_back():
    w = nn.Parameter(torch.tensor([3.0, 4.0]))
    idle = nn.Parameter(torch.tensor([1.0]))
    (0.5 * (w**2).sum()).backward()  # g = w, of length 5
    with uphill(nn.Identity(), [w, idle], 0.1):
        assert torch.allclose(w, torch.tensor([3.0, 4.0]) + 0.1 * torch.tensor([0.6, 0.8]))
        assert idle.item() == 1
        w.grad = None
        (0.5 * (w**2).sum()).backward()
    assert w.tolist() == [3.0, 4.0]
    assert torch.allclose(w.grad, torch.tensor([3.06, 4.08]))  # the gradient there


def test_normalisation_learns_nothing_inside():
    network = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1)).train()
    network(torch.randn(8, 2)).sum().backward()
    kept = network[0].running_mean.clone()
    with uphill(network, list(network.parameters()), 0.05):
        network(torch.randn(8, 2) + 5)
    assert torch.equal(network[0].running_mean, kept)
    assert network[0].momentum == 0.1
    network(torch.randn(8, 2) + 5)
    assert not torch.equal(network[0].running_mean, kept)


def test_all_comes_back_when_something_goes_wrong_inside():
    w = nn.Parameter(torch.tensor([1.0]))
    (w**2).sum().backward()
    with pytest.raises(RuntimeError), uphill(nn.Identity(), [w], 0.5):
        raise RuntimeError
    assert w.item() == 1
