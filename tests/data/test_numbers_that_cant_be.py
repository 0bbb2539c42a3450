"""Settings that are no such number are refused in a line, and nothing is written."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from cutis.data.dataset import Dataset
from cutis.data.export import export
from cutis.data.importing import import_dataset
from cutis.data.split import split
from cutis.errors import CutisError


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    (tmp_path / "t.csv").write_text("image_id,dx\n" + "".join(f"i{k},{('nv', 'mel')[k % 2]}\n" for k in range(12)))
    return import_dataset(tmp_path / "t.csv", tmp_path / "data", table_only=True)


def test_a_seed_below_zero(data: Dataset) -> None:
    with pytest.raises(CutisError, match="seed is -1; expected a whole number from 0"):
        split(data, seed=-1)
    assert not list(data.path.glob("splits/*"))


@pytest.mark.parametrize("size", [math.nan, math.inf, 0.0, -1.0])
def test_a_size_of_shards(size: float, data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(CutisError, match="a size above 0"):
        export(data, tmp_path / "out", to="webdataset", shard_mb=size)
    assert not (tmp_path / "out").exists()
