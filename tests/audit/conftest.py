"""A small world to attack: a dataset and a network that learned it in seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cutis.bundle.load import load_bundle
from cutis.bundle.predict import Bundle
from cutis.data.dataset import Dataset, DatasetCard
from cutis.data.split import load_split, split
from cutis.schema.classes import ClassInfo

CLASSES = (
    ClassInfo(code="mel", name="Melanoma", malignant=True),
    ClassInfo(code="nv", name="Nevus", malignant=False),
)
SIZE, N = 32, 64


def write(root: Path, encoded: Callable[..., bytes]) -> Dataset:
    """Two images a lesion; melanomas are redder, by an amount that a network learns in seconds."""
    (root / "images").mkdir(parents=True)
    rng = np.random.default_rng(5)
    codes = [CLASSES[(i // 2) % 2].code for i in range(N)]
    for i, code in enumerate(codes):
        pixels = rng.normal((164 if code == "mel" else 136, 120, 110), 20, (SIZE, SIZE, 3))
        (root / "images" / f"I{i:03}.png").write_bytes(encoded(pixels.clip(0, 255).astype(np.uint8), "PNG"))
    manifest = pl.DataFrame(
        {
            "image_id": [f"I{i:03}" for i in range(N)],
            "lesion_id": [f"L{i // 2}" for i in range(N)],
            "source": ["made"] * N,
            "file": [f"images/I{i:03}.png" for i in range(N)],
            "status": ["ok"] * N,
            "target": codes,
        }
    )
    made = Dataset(root, DatasetCard(name="made", licence="CC0-1.0", classes=CLASSES), manifest).save_into(root)
    split(made, test=0.5, val=0.2, seed=0)
    return made


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, encoded: Callable[..., bytes]) -> tuple[Bundle, Dataset]:
    """A bundle and the dataset it learned from."""
    root = tmp_path_factory.mktemp("attacked")
    data = write(root / "data", encoded)
    return load_bundle(learned(data, root / "bundle")), data


def learned(data: Dataset, out: Path, steps: int = 15) -> Path:
    torch = pytest.importorskip("torch")
    from cutis.bundle.freeze import freeze
    from cutis.image.decode import read_square
    from cutis.models.network import build

    parts = load_split(data)
    train = data.manifest.join(parts.table.filter(pl.col("part") == "train").select("image_id"), on="image_id")
    pixels = np.stack([read_square(data.path / f, SIZE) for f in train["file"]])
    x = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.2
    y = torch.tensor([["mel", "nv"].index(t) for t in train["target"]])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build("compact_resnet_s", 2)
        optimiser = torch.optim.AdamW(network.parameters(), 3e-3)
        for _ in range(steps):
            loss = torch.nn.functional.cross_entropy(network(x), y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return freeze(
        network.eval(), out, dataset=data, split=parts, size=SIZE, mean=(0.5,) * 3, std=(0.2,) * 3,
        flips=True, backbone="compact_resnet_s", method="none", trained={},
    )  # fmt: skip


@pytest.fixture(scope="session")
def lesser(world: tuple[Bundle, Dataset], tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of the same dataset that learned for a shorter time."""
    return load_bundle(learned(world[1], tmp_path_factory.mktemp("lesser") / "bundle", 8))
