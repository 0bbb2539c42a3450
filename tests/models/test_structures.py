"""Networks of another shape: what they compute, by hand, and that they export as a function of the image alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cutis.bundle.export import Exported, export_onnx
from cutis.bundle.runtime import Runtime
from cutis.errors import CutisError
from cutis.models.network import Network, build, pooled
from cutis.models.structures import STRUCTURES, settings_of, structured


def small() -> Network:
    return build("compact_resnet_s", 3)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def made(name: str, **settings: float) -> Network:
    torch.manual_seed(0)
    return structured(name, small, **settings).eval()


def test_pooled_is_the_mean_of_probabilities_and_of_one_member_its_logits():
    each = torch.tensor([[[1.0, 0.0]], [[0.0, 2.0]]])
    assert torch.allclose(pooled(each).softmax(1), each.softmax(2).mean(0))
    assert torch.equal(pooled(each[:1]), each[0])


@pytest.mark.parametrize("name", ["ensemble", "mc-dropout", "ladine"])
def test_every_structure_answers_as_a_network_does(name, images):
    network = made(name)
    features = network.forward_features(images)
    assert features.shape == (4, network.num_features)
    assert torch.equal(network(images), network.classify(features))
    assert torch.equal(network(images), network(images))
    assert torch.allclose(pooled(network.answers(features)), network.classify(features))
    again = made(name)
    assert torch.equal(again(images), network(images))  # the same seed draws the same masks and samples


def test_an_ensemble_is_the_mean_of_its_members_alone(images):
    network = made("ensemble", members=2)
    members = []
    for i in range(2):
        alone = Network(network.backbone.each[i], 256, 3, head=network.head[i]).eval()
        members.append(alone(images).softmax(1))
    assert torch.allclose(network(images).softmax(1), (members[0] + members[1]) / 2, atol=1e-6)
    assert not torch.allclose(members[0], members[1], atol=1e-3)  # they start apart


def test_members_learn_by_their_own_loss_alone(images):
    """The gradient of one member is what it would be without the others."""
    network = made("ensemble", members=2)
    target = torch.tensor([0, 1, 2, 0])
    answers = network.answers(network.forward_features(images))
    own = torch.stack([torch.nn.functional.cross_entropy(logits, target) for logits in answers])
    (whole,) = torch.autograd.grad(own.mean(), network.head[0].weight, retain_graph=True)
    (alone,) = torch.autograd.grad(own[0], network.head[0].weight)
    assert torch.allclose(2 * whole, alone, atol=1e-6)


def test_mc_dropout_is_the_mean_over_its_masks(images):
    network = made("mc-dropout", rate=0.5, samples=8)
    features = network.forward_features(images)
    by_hand = torch.stack([(network.head(features * mask)).softmax(1) for mask in network.masks]).mean(0)
    assert torch.allclose(network(images).softmax(1), by_hand, atol=1e-6)
    assert set(network.masks.unique().tolist()) == {0.0, 2.0}  # left out, or scaled so that the mean stays
    network.train()
    assert len(network.answers(features)) == 1  # trained as ordinary dropout


def test_ladine_has_a_member_on_each_block_and_averages_its_samples(images):
    network = made("ladine", samples=4, width=8)
    assert network.sizes == [32, 64, 128, 256]
    features = network.forward_features(images)
    first = network.backbone.backbone.blocks[0](network.backbone.backbone.stem(images)).mean((2, 3))
    assert torch.allclose(features[:, :32], first, atol=1e-6)
    density = network.head[0]
    latent = density.mapping(features[:, :32])
    spread = torch.nn.functional.softplus(density.spread(latent))
    samples = torch.stack([density.mean(latent) + spread * e for e in network.draws])
    by_hand = samples.softmax(2).mean(0)
    assert torch.allclose(network.answers(features)[0].softmax(1), by_hand, atol=1e-6)
    assert torch.allclose(network.draws.mean(0), torch.zeros(1, 3), atol=1e-6)


def test_ladine_on_the_early_blocks_alone(images):
    network = made("ladine", members=2)
    assert network.num_features == 32 + 64
    assert network.answers(network.forward_features(images)).shape == (2, 4, 3)


def test_ladine_around_timm():
    torch.manual_seed(0)
    network = structured("ladine", lambda: build("test_vit", 2), members=3).eval()
    features = network.forward_features(torch.randn(1, 3, 160, 160))
    assert features.shape == (1, network.num_features)
    assert network.classify(features).shape == (1, 2)


@pytest.mark.parametrize("name", ["mc-dropout", "ladine"])
def test_what_is_exported_answers_as_torch_does(name, tmp_path: Path):
    exported = Exported(made(name), (0.5,) * 3, (0.25,) * 3, flips=False).eval()
    export_onnx(exported, tmp_path / "model.onnx", 32)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    runtime = Runtime((tmp_path / "model.onnx").read_bytes(), name="onnxruntime")
    logits, features = runtime.run(pixels, 3)
    with torch.inference_mode():
        expected, expected_features = exported(torch.from_numpy(pixels))
    assert np.allclose(logits, expected.numpy(), atol=1e-4)
    assert np.allclose(features, expected_features.numpy(), atol=1e-3)


def test_bad_settings_say_what_is_expected():
    with pytest.raises(CutisError, match='structure "ensembel" is not known: did you mean "ensemble"'):
        structured("ensembel", small)
    with pytest.raises(CutisError, match=r'setting member of structure ensemble: .*"members"'):
        structured("ensemble", small, member=2)
    with pytest.raises(CutisError, match="setting size of structure plain: it has none"):
        structured("plain", small, size=2)
    with pytest.raises(CutisError, match="members = 1: expected a whole number 2 to 20"):
        structured("ensemble", small, members=1)
    with pytest.raises(CutisError, match="rate = 1: expected above 0 and below 1"):
        structured("mc-dropout", small, rate=1)
    with pytest.raises(CutisError, match="members = 5: expected a whole number 0 to 4"):
        structured("ladine", small, members=5)
    with pytest.raises(CutisError, match="members = two: expected a number"):
        structured("ensemble", small, members="two")
    assert settings_of("ensemble") == ("members",)
    assert set(STRUCTURES) >= {"plain", "ensemble", "mc-dropout", "ladine"}
