from __future__ import annotations

import pytest
import torch

from cutis.errors import CutisError
from cutis.models.compact import COMPACT
from cutis.models.network import build, weights_licence


@pytest.mark.parametrize("name", [*COMPACT, "resnet10t", "test_vit"])
def test_forward_is_classify_of_features(name):
    network = build(name, 5).eval()
    images = torch.randn(2, 3, 160 if "vit" in name else 64, 160 if "vit" in name else 64)
    features = network.forward_features(images)
    assert features.shape == (2, network.num_features)
    assert torch.equal(network(images), network.classify(features))
    assert network(images).shape == (2, 5)
    assert network(images).dtype == torch.float32


@pytest.mark.parametrize("name", COMPACT)
def test_compact_networks_start_as_their_shortcuts_and_learn(name):
    torch.manual_seed(0)
    network = build(name, 2)
    images, target = torch.randn(8, 3, 64, 64), torch.tensor([0, 1] * 4)
    images[1::2] += 1
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    for _ in range(12):
        loss = torch.nn.functional.cross_entropy(network(images), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.3


def test_unknown_backbone_and_licence():
    with pytest.raises(CutisError, match='did you mean "compact_resnet_s"'):
        build("compact_resnet_x", 3)
    assert weights_licence("resnet18.a1_in1k", False) is None
    assert weights_licence("resnet18.a1_in1k", True) == "Apache-2.0"


def test_unreachable_hub_says_the_remedy(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # else it waits through its retries
    with pytest.raises(CutisError, match="--weights PATH") as caught:
        build("resnet18.a1_in1k", 3, pretrained=True)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", COMPACT)
def test_a_folded_stem_is_the_same_function(name):
    torch.manual_seed(0)
    network = build(name, 3).eval()
    images = torch.randn(2, 3, 64, 96)
    before = network.forward_features(images)
    network.backbone.fold_stem()
    assert torch.allclose(network.forward_features(images), before, atol=1e-4)
