"""`cutis columns` and what then can be trained on, as a user types it."""

from __future__ import annotations

import polars as pl
import pytest
from driving import in_process

from cutis.data.dataset import Dataset
from cutis.data.split import split
from cutis.phantom.dataset import make_dataset


@pytest.fixture
def data(tmp_path):
    made = make_dataset(tmp_path / "data", 60, size=32, seed=0, classes=["mel", "nv"], balance="equal")
    split(made, test=0.2, val=0.2, seed=0)
    return made


def test_a_table_becomes_columns_that_methods_learn_from(data, tmp_path, capsys):
    ids = data.manifest["image_id"].to_list()
    pl.DataFrame({"image_id": ids, "clinic": ["a", "b"] * 30}).write_csv(tmp_path / "t.csv")
    settings = ["--epochs", 1, "--size", 32, "--batch-size", 16, "--method", "tabe", "--set", "column=clinic"]
    code, _, err = in_process(capsys, "train", data.path, "--out", tmp_path / "run", *settings)
    assert code == 2
    assert f"a table of your own with image_id and clinic: cutis columns {data.path} TABLE.csv" in err
    code, out, _ = in_process(capsys, "columns", data.path, tmp_path / "t.csv")
    assert code == 0
    assert "clinic: 60 of 60 images, 2 values" in out
    assert Dataset.load(data.path).manifest["clinic"].to_list() == ["a", "b"] * 30
    code, out, err = in_process(capsys, "train", data.path, "--out", tmp_path / "run", *settings)
    assert code == 0, err
    assert "bundle:" in out


def test_a_table_that_is_not_there(data, capsys):
    code, _, err = in_process(capsys, "columns", data.path, "none.csv")
    assert code == 2
    assert "none.csv: no such file." in err
