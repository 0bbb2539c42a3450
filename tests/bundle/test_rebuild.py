"""A network rebuilt in torch answers as the bundle does, and is refused where it can't."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cutis.bundle import rebuild as module
from cutis.bundle.load import load_bundle
from cutis.bundle.predict import Bundle
from cutis.bundle.rebuild import check_rebuilt, rebuild
from cutis.data.dataset import Dataset
from cutis.data.split import Split
from cutis.errors import CutisError

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def compact(
    tmp_path_factory: pytest.TempPathFactory, dataset: Dataset, parts: Split, freeze_with: Callable[..., Path]
) -> Bundle:
    """A bundle of one of our own networks, so that its card says how to build it again."""
    from cutis.models.network import build

    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = build("compact_resnet_s", 3).eval()
        for part in network.modules():  # else each residual branch starts at 0 and says nothing
            if isinstance(part, torch.nn.BatchNorm2d):
                torch.nn.init.uniform_(part.weight, 0.5, 1.5)
    out = tmp_path_factory.mktemp("bundles") / "compact"
    return load_bundle(freeze_with(network, out, dataset, parts, size=32, backbone="compact_resnet_s"))


def test_the_rebuilt_network_gives_the_runtimes_logits(compact: Bundle):
    images = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3)).astype(np.uint8)
    rebuilt = rebuild(compact)
    with torch.inference_mode():
        logits, features = (out.numpy() for out in rebuilt(torch.from_numpy(images)))
    served, seen = compact.run(images)
    assert np.ptp(served, axis=0).min() > 1e-3  # the images are told apart
    assert np.allclose(logits, served, atol=1e-4)
    assert np.allclose(features, seen, atol=1e-4)
    assert check_rebuilt(rebuilt, compact, images) < 1e-4


def test_floats_have_gradients_and_weights_have_none(compact: Bundle):
    rebuilt = rebuild(compact)
    x = torch.full((1, 32, 32, 3), 100.0, requires_grad=True)
    rebuilt(x)[0].sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    assert all(p.grad is None for p in rebuilt.parameters())


def test_another_network_than_the_served_one_is_refused(compact: Bundle):
    rebuilt = rebuild(compact)
    with torch.no_grad():
        rebuilt.network.head.weight.mul_(-1)
    images = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3)).astype(np.uint8)
    with pytest.raises(CutisError, match="differ from the runtime's"):
        check_rebuilt(rebuilt, compact, images)


def test_what_is_missing_is_named(compact: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    other = replace(compact, card=compact.card.model_copy(update={"backbone": "compact_resnet_m"}))
    with pytest.raises(CutisError, match="does not hold the weights of compact_resnet_m with 3 classes"):
        rebuild(other)
    none = replace(compact, card=compact.card.model_copy(update={"files": {}}))
    with pytest.raises(CutisError, match=r"holds no weights.safetensors"):
        rebuild(none)
    copy = tmp_path / "copy"
    shutil.copytree(compact.path, copy)
    content = bytearray((copy / "weights.safetensors").read_bytes())
    content[-1] ^= 1
    (copy / "weights.safetensors").write_bytes(content)
    with pytest.raises(CutisError, match="changed since it was frozen"):
        rebuild(replace(compact, path=copy))
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(CutisError, match=r"pip install 'cutis\[train\]'"):
        rebuild(compact)
