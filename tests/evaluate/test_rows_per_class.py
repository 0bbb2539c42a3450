"""A table with a row for each image and class: its truth is one of the image's, not of whichever row comes first."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cutis.errors import CutisError
from cutis.evaluate.reading import read_predictions

ROWS = {
    "image_id": ["a", "a", "b", "b", "c", "c"],
    "class": ["mel", "nv"] * 3,
    "probability": [0.9, 0.1, 0.2, 0.8, 0.6, 0.4],
}
TRUE = ["mel", "nv", "nv"]


@pytest.mark.parametrize("name", ["target", "y_true", "label"])
@pytest.mark.parametrize("ones", [[1, 0, 0, 1, 0, 1], ["1.0", "0.0", "0.0", "1.0", "0.0", "1.0"]])
def test_a_one_in_the_row_of_the_true_class_is_that_class(name: str, ones: list[object], tmp_path: Path) -> None:
    pl.DataFrame({**ROWS, name: ones, "rank": [1, 2, 2, 1, 1, 2]}).write_csv(tmp_path / "p.csv")
    made = read_predictions(tmp_path / "p.csv").table
    assert made["target"].to_list() == TRUE
    assert made["p_mel"].to_list() == [0.9, 0.2, 0.6]
    assert "rank" not in made.columns


def test_a_truth_of_the_image_is_in_all_its_rows(tmp_path: Path) -> None:
    target = [t for t in TRUE for _ in range(2)]
    pl.DataFrame({**ROWS, "target": target, "sex": ["f", "f", "m", "m", "f", "f"]}).write_csv(tmp_path / "p.csv")
    made = read_predictions(tmp_path / "p.csv").table
    assert made["target"].to_list() == TRUE
    assert made["sex"].to_list() == ["female", "male", "female"]


@pytest.mark.parametrize(
    ("column", "cells", "words"),
    [
        ("target", ["mel", "nv", "nv", "nv", "nv", "nv"], 'image "a" has target "mel" and "nv" in its rows'),
        ("target", [1, 1, 0, 1, 0, 1], 'image "b" has target "0" and "1" in its rows'),
        ("patient_id", ["p", "q", "r", "r", "s", "s"], 'image "a" has patient_id "p" and "q" in its rows'),
    ],
)
def test_rows_of_one_image_that_contradict_each_other_are_refused(column, cells, words: str, tmp_path: Path) -> None:
    truth = {} if column == "target" else {"target": [t for t in TRUE for _ in range(2)]}
    pl.DataFrame({**ROWS, **truth, column: cells}).write_csv(tmp_path / "p.csv")
    with pytest.raises(CutisError, match=words):
        read_predictions(tmp_path / "p.csv")


@pytest.mark.parametrize("columns", [("MEL", "NV"), ("p_mel", "p_nv"), ("mel_prob", "nv_prob")])
def test_percentages_of_any_column_say_divide_by_100(columns: tuple[str, str], tmp_path: Path) -> None:
    table = {"image_id": ["a", "b"], "target": ["mel", "nv"], columns[0]: ["94%", "6 %"], columns[1]: ["6%", "94 %"]}
    pl.DataFrame(table).write_csv(tmp_path / "p.csv")
    with pytest.raises(CutisError, match="Divide percentages by 100, and leave the sign out"):
        read_predictions(tmp_path / "p.csv")
