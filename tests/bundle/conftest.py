"""A small generated dataset, a tiny network and the bundle frozen from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from cutis.bundle.freeze import freeze
from cutis.bundle.load import load_bundle
from cutis.bundle.predict import Bundle
from cutis.data.dataset import Dataset, DatasetCard
from cutis.data.split import Split, split
from cutis.schema.classes import ClassInfo

SIZE = 24
CLASSES = (
    ClassInfo(code="mel", name="Melanoma", malignant=True),
    ClassInfo(code="nv", name="Nevus", malignant=False),
    ClassInfo(code="df", name="Dermatofibroma", malignant=False),
)


def tiny_network(classes: int = 3, seed: int = 0) -> Any:
    """Two untrained convolutions, with the interface of `cutis.models.network.Network`."""
    import torch
    from torch import nn

    class Tiny(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.num_features = 8
            self.body = nn.Sequential(
                nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU()
            )
            self.head = nn.Linear(8, classes)

        def forward_features(self, x: torch.Tensor) -> torch.Tensor:
            return self.body(x).mean((2, 3))

        def classify(self, features: torch.Tensor) -> torch.Tensor:
            return 6 * self.head(features) + 3  # the largest logit is positive, as a trained network's

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.classify(self.forward_features(x))

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Tiny().eval()


def write_dataset(
    root: Path,
    encoded: Callable[..., bytes],
    picture: Callable[..., np.ndarray],
    n: int = 150,
    classes: Sequence[ClassInfo] = CLASSES,
    **columns: Any,
) -> Dataset:
    """`n` small JPEGs, two an odd lesion, each class tinted its own way."""
    (root / "images").mkdir(parents=True)
    rng = np.random.default_rng(5)
    codes = [classes[i % len(classes)].code for i in range(n)]
    lesions = [f"L{i // (2 * len(classes))}-{codes[i]}" for i in range(n)]
    for i in range(n):
        tint = np.roll([60, 0, -60], i % len(classes)) * rng.uniform(0.2, 1)
        pixels = (picture(40, 30, i) + tint).clip(0, 255).astype(np.uint8)
        (root / "images" / f"I{i:03}.jpg").write_bytes(encoded(pixels, quality=92))
    manifest = pl.DataFrame(
        {
            "image_id": [f"I{i:03}" for i in range(n)],
            "lesion_id": lesions,
            "source": ["made"] * n,
            "file": [f"images/I{i:03}.jpg" for i in range(n)],
            "status": ["ok"] * n,
            "target": codes,
            "sex": [("male", "female", None)[i % 3] for i in range(n)],
            "age_approx": [25 + i % 60 for i in range(n)],
            **columns,
        }
    )
    card = DatasetCard(name="tiny", licence="CC-BY-NC-4.0", classes=tuple(classes))
    return Dataset(root, card, manifest).save_into(root)


def freeze_tiny(network: Any, out: Path, dataset: Dataset, parts: Split, **other: Any) -> Path:
    settings: dict[str, Any] = {
        "size": SIZE,
        "mean": (0.6, 0.5, 0.4),
        "std": (0.2, 0.2, 0.2),
        "flips": True,
        "backbone": "tiny",
        "method": "none",
        "trained": {"epochs": 0, "images": 100},
    }
    return freeze(network, out, dataset=dataset, split=parts, **(settings | other))


@pytest.fixture(scope="session")
def tiny() -> Callable[..., Any]:
    return tiny_network


@pytest.fixture(scope="session")
def make_dataset(encoded: Callable[..., bytes], picture: Callable[..., np.ndarray]) -> Callable[..., Dataset]:
    return lambda root, **other: write_dataset(root, encoded, picture, **other)


@pytest.fixture(scope="session")
def freeze_with() -> Callable[..., Path]:
    return freeze_tiny


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory, make_dataset: Callable[..., Dataset]) -> Dataset:
    made = make_dataset(tmp_path_factory.mktemp("data") / "tiny")
    split(made, test=0.3, val=0.3, seed=0)
    return made


@pytest.fixture(scope="session")
def parts(dataset: Dataset) -> Split:
    from cutis.data.split import load_split

    return load_split(dataset)


@pytest.fixture(scope="session")
def frozen(tmp_path_factory: pytest.TempPathFactory, dataset: Dataset, parts: Split) -> Path:
    return freeze_tiny(tiny_network(), tmp_path_factory.mktemp("bundles") / "bündle one", dataset, parts)


@pytest.fixture(scope="session")
def bundle(frozen: Path) -> Bundle:
    return load_bundle(frozen)
