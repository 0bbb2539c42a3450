"""Fair identity attention: identity at the start, its shapes, what its head may change, and that it exports."""

from __future__ import annotations

import copy

import numpy as np
import polars as pl
import pytest
import torch
from torch.nn import functional as F
from toys import at_start

from cutis.errors import CutisError
from cutis.models.network import Network, build
from cutis.models.structures import structured
from cutis.models.structures.fair_identity import FairIdentity
from cutis.train.objectives import objective
from cutis.train.objectives.base import Batch, TrainingData

DATA = TrainingData(pl.DataFrame({"g": list("abab")}), np.array([0, 0, 1, 1]), ["x", "y", "z"], np.arange(4))


def made(groups: float = 2) -> FairIdentity:
    torch.manual_seed(0)
    network = structured("fair-identity", lambda: build("compact_resnet_s", 3), groups=groups)
    assert isinstance(network, FairIdentity)
    return network


def test_it_starts_as_the_plain_network():
    network = made().eval()
    plain = Network(network.backbone.backbone, network.num_features, 3)
    plain.head = network.head
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(network.forward_features(x), plain.eval().forward_features(x))
        assert torch.equal(network(x), plain(x))


def test_attention_is_its_equation():
    network = made(3).eval()
    torch.nn.init.normal_(network.out.weight)
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        places, pooled = network.backbone(x)
        assert places.shape == (2, 4, 256)
        p = F.softmax(pooled @ network.identity.weight.T + network.identity.bias, 1)
        assert p.shape == (2, 3)
        q = network.query(p @ network.embedding)
        for i in range(2):
            xi = network.norm(places[i])
            a = F.softmax(network.key(xi) @ q[i] / 16, 0)  # sqrt(256)
            by_hand = pooled[i] + network.out(a @ network.value(xi))
            assert torch.allclose(network.forward_features(x)[i], by_hand, atol=1e-4)


def test_its_head_learns_the_group_and_shapes_nothing_else():
    network = made()
    part = objective("fair-identity", column="g", strength=2.0)
    part.prepare(DATA, network)
    batch = Batch((torch.randn(4, 3, 64, 64),), torch.tensor([0, 0, 1, 1]), torch.arange(4))
    term = part.loss(network.train(), batch, at_start(network))["fair_identity"]
    assert term.item() == pytest.approx(2 * F.cross_entropy(network.said, torch.tensor([0, 1, 0, 1])).item(), rel=1e-5)
    term.backward()
    moved = {name for name, p in network.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert moved == {"identity.weight", "identity.bias"}
    copy.deepcopy(network.eval().cpu()) if network.said is None else None


def test_it_says_what_it_lacks():
    part = objective("fair-identity", column="g")
    with pytest.raises(CutisError, match="add --structure fair-identity --set groups=2"):
        part.prepare(DATA, build("compact_resnet_s", 3))
    with pytest.raises(CutisError, match=r"column g has 2 groups \(a, b\), the structure 4"):
        part.prepare(DATA, made(4))
    with pytest.raises(CutisError, match="features by place"):
        structured("fair-identity", lambda: build("mobilenetv3_small_050", 3))


def test_a_transformer_has_places_too():
    network = structured("fair-identity", lambda: build("vit_tiny_patch16_224.augreg_in21k", 3)).eval()
    with torch.no_grad():
        places, pooled = network.backbone(torch.randn(1, 3, 224, 224))
        assert places.shape == (1, 197, 192)
        assert network(torch.randn(1, 3, 224, 224)).shape == (1, 3)
    assert pooled.shape == (1, 192)


def test_it_exports(tmp_path):
    import onnxruntime

    from cutis.bundle.export import Exported, export_onnx

    network = made().eval()
    torch.nn.init.normal_(network.out.weight, std=0.01)
    exported = Exported(network, [0.5] * 3, [0.2] * 3, False).eval()
    export_onnx(exported, tmp_path / "m.onnx", 64)
    x = np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3), np.uint8)
    logits = onnxruntime.InferenceSession(tmp_path / "m.onnx").run(None, {"image": x})[0]
    with torch.no_grad():
        assert np.allclose(logits, exported(torch.from_numpy(x))[0].numpy(), atol=1e-3)
