"""Adversarial training: the changed images are within epsilon, worse than before, and the network is left as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F
from toys import at_start, identity_network, toy_batch, toy_data

from cutis.errors import CutisError
from cutis.train.objectives import objective
from cutis.train.objectives.adversarial import Adversarial

MEAN, STD = (0.6, 0.5, 0.4), (0.2, 0.1, 0.25)


def changed(share: float, epsilon: float = 0.02) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images in 0..1 before and after, and each one's target."""
    data = replace(toy_data(), mean=MEAN, std=STD)
    network = identity_network().train()
    part = Adversarial(epsilon=epsilon, steps=5, share=share)
    part.prepare(data, network)
    plain = torch.rand(8, 3, generator=torch.Generator().manual_seed(0)) * 0.8 + 0.1
    mean, std = torch.tensor(MEAN), torch.tensor(STD)
    batch = toy_batch((plain - mean) / std, [0, 1, 2, 0, 1, 2, 0, 1])
    torch.manual_seed(0)
    after = part.change(batch, at_start(network)).images
    assert network.training
    assert all(p.grad is None for p in network.parameters())
    return plain, after[:, :, 0, 0] * std + mean, batch.target


def test_all_images_are_made_worse_within_epsilon():
    before, after, target = changed(1.0)
    assert (before - after).abs().max().item() <= 0.02 + 1e-6
    mean, std = torch.tensor(MEAN), torch.tensor(STD)
    worse = F.cross_entropy((after - mean) / std, target, reduction="none")
    better = F.cross_entropy((before - mean) / std, target, reduction="none")
    assert (worse > better).all()
    # Of these linear logits the worst change lowers the target's channel by epsilon, at the pixel that is looked at.
    own = (before - after).gather(1, target[:, None])
    assert torch.allclose(own, torch.full_like(own, 0.02), atol=1e-5)


def test_only_the_share_that_is_asked_for_changes():
    before, after, _ = changed(0.5)
    assert ((before - after).abs().amax(1) > 1e-4).sum().item() == 4


def test_bad_settings():
    with pytest.raises(CutisError, match="epsilon = 2: expected above 0 and below 1"):
        objective("adversarial", epsilon=2)
    with pytest.raises(CutisError, match=r"steps = 1\.5: expected a whole number 1 to 100"):
        objective("adversarial", steps=1.5)
    with pytest.raises(CutisError, match="share = 0: expected above 0, at most 1"):
        objective("adversarial", share=0)
