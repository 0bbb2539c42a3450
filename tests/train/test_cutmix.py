"""CutMix against its equations."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F
from toys import at_start, identity_network, toy_batch, toy_data

from cutis.errors import CutisError
from cutis.train.objectives import objective
from cutis.train.objectives.base import Batch
from cutis.train.objectives.cutmix import CutMix, outside


def test_the_rectangle_has_the_area_it_should_where_it_fits():
    torch.manual_seed(0)
    share = torch.full((4000,), 0.84)  # a rectangle of 0.4 by 0.4
    kept = outside(share, 50, 50).float()
    cut = (1 - kept).sum((1, 2, 3)) / 2500
    assert cut.max().item() == pytest.approx(0.16, abs=0.02)
    assert cut.min().item() == pytest.approx(0.04, abs=0.01)  # about a corner, a quarter of it is inside
    rows = (1 - kept[0, 0]).amax(1).nonzero()[:, 0]
    assert (rows.diff() == 1).all()  # one piece


def test_pixels_come_from_one_or_the_other_and_labels_follow_the_area():
    part = CutMix()
    part.prepare(toy_data(), identity_network())
    images = torch.arange(6.0)[:, None, None, None].expand(6, 3, 20, 20)
    target = [0, 1, 2, 0, 1, 2]
    torch.manual_seed(3)
    blended = part.change(Batch((images,), torch.tensor(target), torch.arange(6)), at_start(identity_network()))
    assert blended.shares is not None
    assert torch.allclose(blended.shares.sum(1), torch.ones(6))
    for i, picture in enumerate(blended.images):
        values = set(picture.unique().tolist())
        assert i in values or blended.shares[i, target[i]] < 1
        assert len(values) <= 2
        others = values - {float(i)}
        if others and target[int(next(iter(others)))] != target[i]:
            own = (picture[0] == i).float().mean()
            assert blended.shares[i, target[i]].item() == pytest.approx(own.item(), abs=1e-6)


def test_its_loss_is_the_blend_of_two_cross_entropies():
    network = identity_network()
    made = objective("cutmix", tau=0.0)
    made.prepare(toy_data(), network)
    batch = toy_batch(torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), [0, 1, 2, 0])
    torch.manual_seed(1)
    blended = made.parts[0].change(batch, at_start(network))
    by_hand = -(blended.shares * F.log_softmax(blended.images[:, :, 0, 0], 1)).sum(1).mean()
    torch.manual_seed(1)
    assert torch.allclose(made.loss(network, batch, at_start(network))["cross_entropy"], by_hand)


def test_bad_settings():
    with pytest.raises(CutisError, match="setting a = 0: expected above 0"):
        objective("cutmix", a=0)
    with pytest.raises(CutisError, match="setting a = much: expected a number"):
        objective("cutmix", a="much")
