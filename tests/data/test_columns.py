"""Columns added to a manifest: joined by image, nothing else changed, and what can't be added said."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cutis.data.columns import add_columns, read_columns, strangers
from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.phantom.dataset import make_dataset


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return make_dataset(tmp_path / "data", 4, size=32, seed=0)


def test_columns_are_joined_and_saved(data):
    ids = data.manifest["image_id"].to_list()
    table = pl.DataFrame({"image_id": ids[1:][::-1], "ruler": ["yes", "no", "yes"], "score": [0.3, 0.2, 0.1]})
    add_columns(data, table, ["ruler"])
    again = Dataset.load(data.path)
    assert again.manifest["ruler"].to_list() == [None, "yes", "no", "yes"]
    assert "score" not in again.manifest.columns
    assert again.manifest.drop("ruler").equals(data.manifest)
    assert again.card.digest == data.card.digest
    replaced = add_columns(again, table.with_columns(ruler=pl.lit("no")))
    assert replaced.manifest["ruler"].to_list() == [None, "no", "no", "no"]
    assert replaced.manifest["score"].to_list() == [None, 0.1, 0.2, 0.3]


def test_a_tone_that_cannot_be_read_is_unknown_and_told(data):
    ids = data.manifest["image_id"].to_list()
    made = add_columns(data, pl.DataFrame({"image_id": ids, "monk_skin_tone": ["MST 3", "7.0", "12", None]}))
    assert made.manifest["monk_skin_tone"].to_list() == [3, 7, None, None]
    said = "monk_skin_tone: 1 of 4 cells could not be read as a Monk skin tone 1 to 10 (12): unknown."
    assert made.card.notes == (*data.card.notes, said)
    assert Dataset.load(data.path).card.notes == made.card.notes
    mended = add_columns(made, pl.DataFrame({"image_id": ids, "monk_skin_tone": [3, 7, 10, None]}))
    assert mended.card.notes == data.card.notes


def test_what_cannot_be_added(data):
    ids = data.manifest["image_id"].to_list()
    with pytest.raises(CutisError, match="no column image_id"):
        add_columns(data, pl.DataFrame({"image": ids}))
    with pytest.raises(CutisError, match="target is the manifest's own"):
        add_columns(data, pl.DataFrame({"image_id": ids, "target": ids}))
    with pytest.raises(CutisError, match='"rulers": did you mean "ruler"'):
        add_columns(data, pl.DataFrame({"image_id": ids, "ruler": ids}), ["rulers"])
    with pytest.raises(CutisError, match="is in rows 1, 2"):
        add_columns(data, pl.DataFrame({"image_id": [ids[0], ids[0]], "ruler": [1, 2]}))
    with pytest.raises(CutisError, match=r'none of their 1 images is in it .the first: "x"'):
        add_columns(data, pl.DataFrame({"image_id": ["x"], "ruler": [1]}))


def test_ids_are_joined_by_their_canonical_spelling(data):
    ids = data.manifest["image_id"].to_list()
    table = pl.DataFrame({"image_id": [f" {ids[0]}\u200b", ids[1].upper(), "x"], "ruler": [1, 2, 3]})
    made = add_columns(data, table)
    assert made.manifest["ruler"].to_list() == [1, None, None, None]
    assert strangers(made, table) == (2, f'"{ids[1].upper()}"; did you mean "{ids[1]}"?')
    assert strangers(made, table[:1]) == (0, "")


def test_tables_are_read_as_csv_or_parquet(tmp_path):
    table = pl.DataFrame({"image_id": ["a"], "ruler": ["yes"]})
    table.write_csv(tmp_path / "t.csv")
    table.write_parquet(tmp_path / "t.parquet")
    assert read_columns(tmp_path / "t.csv")[0].equals(read_columns(tmp_path / "t.parquet")[0])
    (tmp_path / "bad.parquet").write_text("no")
    with pytest.raises(CutisError, match="not a Parquet file, or damaged"):
        read_columns(tmp_path / "bad.parquet")
    with pytest.raises(CutisError, match="no such file"):
        read_columns(tmp_path / "none.csv")
