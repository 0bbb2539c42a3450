"""A corrupted dataset: who is whom stays known, the bytes are seeded, and nothing half-made is left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cutis.audit.corrupt import corrupt
from cutis.data.dataset import Dataset
from cutis.data.split import split
from cutis.errors import CutisError
from cutis.image.corruptions import CORRUPTIONS, generator
from cutis.image.decode import decode, read_square
from cutis.phantom.dataset import make_dataset
from cutis.schema.identity import group_ids

ONLY = ["vignette", "hair", "gaussian_noise"]


@pytest.fixture(scope="module")
def skin(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make_dataset(tmp_path_factory.mktemp("corrupt") / "skin", 8, size=48, seed=1)


@pytest.fixture(scope="module")
def changed(skin: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    dest = tmp_path_factory.mktemp("corrupt") / "out"
    return corrupt(skin, dest, only=ONLY, severities=[1, 5], size=40, seed=3)


def test_every_image_is_there_unchanged_and_changed(skin: Dataset, changed: Dataset) -> None:
    table = Dataset.load(changed.path).manifest
    assert len(table) == 8 * (1 + 3 * 2)
    counts = table.group_by("corruption", "severity").len()
    assert (counts["len"] == 8).all()
    assert set(counts.select("corruption", "severity").rows()) == {
        ("none", 0), *((name, s) for name in ONLY for s in (1, 5)),
    }  # fmt: skip
    values = dict(table.filter(severity=5).select("corruption", "shift_value").unique().rows())
    assert values == {"vignette": 0.8, "hair": 80, "gaussian_noise": 0.26}
    assert (table["width"] == 40).all()
    assert table["mask"].null_count() == len(table)


def test_pixels_are_the_corruptions_own(skin: Dataset, changed: Dataset) -> None:
    row = changed.manifest.filter(corruption="vignette", severity=5).row(2, named=True)
    source = skin.manifest.filter(image_id=row["original_id"])["file"][0]
    image = read_square(skin.path / source, 40)
    expected = CORRUPTIONS["vignette"].apply(image, 5, generator(3, row["original_id"], "vignette"))
    assert np.array_equal(decode((changed.path / row["file"]).read_bytes(), "x"), expected)
    clean = changed.manifest.filter(image_id=row["original_id"])["file"][0]
    assert np.array_equal(decode((changed.path / clean).read_bytes(), "x"), image)


def test_copies_are_of_their_lesion_so_that_no_split_parts_them(changed: Dataset, tmp_path: Path) -> None:
    table = changed.manifest
    groups = table.with_columns(group=pl.Series(group_ids(table)))
    assert (groups.group_by("original_id").agg(pl.col("group").n_unique())["group"] == 1).all()
    parts = split(changed, test=0.3, val=0.2, seed=0).table.join(table, on="image_id")
    assert (parts.group_by("original_id").agg(pl.col("part").n_unique())["part"] == 1).all()


def test_images_without_a_lesion_get_one(skin: Dataset, tmp_path: Path) -> None:
    bare = skin.manifest.with_columns(
        pl.lit(None, pl.String).alias("lesion_id"), pl.lit(None, pl.String).alias("patient_id")
    )
    made = corrupt(Dataset(skin.path, skin.card, bare), tmp_path / "out", only=["vignette"], severities=[3], size=16)
    assert made.manifest["lesion_id"].null_count() == 0
    assert len(set(group_ids(made.manifest).tolist())) == 8


def test_same_seed_same_bytes_whatever_else_is_made(skin: Dataset, changed: Dataset, tmp_path: Path) -> None:
    again = corrupt(skin, tmp_path / "again", only=["hair"], severities=[5], size=40, seed=3, limit=4)
    assert again.manifest["original_id"].n_unique() == 4
    both = again.manifest.join(changed.manifest, on="image_id", suffix="_first")
    assert len(both) == 8
    assert (both["sha256"] == both["sha256_first"]).all()
    other = corrupt(skin, tmp_path / "other", only=["hair"], severities=[5], size=40, seed=4, limit=8)
    seen = other.manifest.filter(severity=5).join(changed.manifest, on="image_id", suffix="_first")
    assert (seen["sha256"] != seen["sha256_first"]).any()


def test_licence_and_classes_travel(skin: Dataset, changed: Dataset) -> None:
    assert changed.codes == skin.codes
    assert changed.card.licence == skin.card.licence
    assert "dermoscopy" in changed.card.name
    assert "not for training" in changed.card.notes[-1]


def test_parts_and_bad_input(skin: Dataset, changed: Dataset, tmp_path: Path) -> None:
    with pytest.raises(CutisError, match='part "tset": did you mean "test"'):
        corrupt(skin, tmp_path / "a", part="tset")
    with pytest.raises(CutisError, match="not split yet"):
        corrupt(skin, tmp_path / "a", part="test")
    with pytest.raises(CutisError, match="made by cutis corrupt already"):
        corrupt(changed, tmp_path / "a")
    with pytest.raises(CutisError, match="exists already"):
        corrupt(skin, changed.path)
    with pytest.raises(CutisError, match="limit is 0"):
        corrupt(skin, tmp_path / "a", limit=0)
    with pytest.raises(CutisError, match="size 4"):
        corrupt(skin, tmp_path / "a", size=4)
    lost = skin.manifest.with_columns(file=pl.lit("images/gone.jpg"))
    with pytest.raises(CutisError, match=r"gone\.jpg"):
        corrupt(Dataset(skin.path, skin.card, lost), tmp_path / "a", only=["vignette"])
    assert not list(tmp_path.iterdir())
