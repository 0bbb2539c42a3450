from __future__ import annotations

from pathlib import Path

import pytest

from cutis.data.dataset import Dataset
from cutis.data.split import split
from cutis.phantom.dataset import make_dataset


@pytest.fixture(scope="session")
def skin(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """160 synthetic images of four classes, split."""
    made = make_dataset(tmp_path_factory.mktemp("skin") / "data", 160, size=48, seed=0)
    split(made, test=0.25, val=0.2, seed=0)
    return made


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "run"
