"""Two columns that could be the same thing and say different things: told which one counts, or asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from cutis.data.importing import import_dataset
from cutis.errors import CutisError
from cutis.evaluate.reading import read_predictions

Put = Callable[..., Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """put(name, column=cells, ...) -> a CSV of four images with these columns beside image_id."""

    def made(name: str = "p.csv", **columns: list[object]) -> Path:
        pl.DataFrame({"image_id": ["a", "b", "c", "d"], **columns}).write_csv(tmp_path / name)
        return tmp_path / name

    return made


P: dict[str, list[object]] = {"p_mel": [0.9, 0.8, 0.2, 0.1], "p_nv": [0.1, 0.2, 0.8, 0.9]}
TRUE, OTHER = ["mel", "mel", "nv", "nv"], ["mel", "nv", "nv", "nv"]


def test_of_two_truths_the_one_that_counts_is_told(put: Put) -> None:
    made = read_predictions(put(label=TRUE, dx=OTHER, **P))
    assert made.table["target"].to_list() == TRUE
    assert "Column label is taken as the truth, and not dx, which says something else." in made.info.notes
    single = read_predictions(put(label=TRUE, dx=OTHER, score=P["p_mel"]))
    assert "Column label is taken as the truth, and not dx, which says something else." in single.info.notes
    same = read_predictions(put(label=TRUE, dx=TRUE, **P))
    assert not [note for note in same.info.notes if "something else" in note]


def test_of_two_ages_the_one_that_counts_is_told(put: Put) -> None:
    made = read_predictions(put(target=TRUE, age=[20] * 4, age_approx=[70] * 4, **P))
    assert made.table["age_approx"].to_list() == [70] * 4
    assert "Column age_approx is taken as age_approx, and not age, which says something else." in made.info.notes


@pytest.mark.parametrize("pair", [("target", "Target"), ("sex", "SEX"), ("patient_id", "Patient ID")])
def test_names_that_differ_in_case_only_are_asked_of(put: Put, pair: tuple[str, str]) -> None:
    columns = {"target": TRUE, pair[0]: TRUE, pair[1]: OTHER}
    with pytest.raises(CutisError, match=f'p.csv: columns "{pair[0]}" and "{pair[1]}" have one name'):
        read_predictions(put(**columns, **P))


def test_a_truth_file_that_says_something_else_than_the_predictions_is_told(put: Put) -> None:
    made = read_predictions(put(label=OTHER, **P), truth=put("t.csv", target=TRUE))
    assert made.table["target"].to_list() == TRUE
    assert "1 rows say another label than the truth file, which counts." in made.info.notes
    alike = read_predictions(put(label=TRUE, **P), truth=put("t.csv", target=TRUE))
    assert not [note for note in alike.info.notes if "truth file" in note]


@pytest.mark.parametrize(
    ("predicted", "note"),
    [
        (["", "", "", ""], None),
        (["nv", "", "", ""], "The answers are those of column predicted where it says one (1 of 4 rows)."),
        (["nv"] * 4, "The answers are those of column predicted."),
    ],
)
def test_answers_are_said_to_be_a_columns_only_where_it_says_one(put: Put, predicted: list[str], note: str) -> None:
    made = read_predictions(put(target=TRUE, predicted=predicted, **P))
    assert [n for n in made.info.notes if n.startswith("The answers")] == ([] if note is None else [note])


def test_an_import_tells_and_asks_alike(put: Put, tmp_path: Path) -> None:
    table = put("c.csv", target=TRUE, dx=OTHER, age=[20] * 4, age_approx=[70] * 4)
    notes = import_dataset(table, tmp_path / "data", table_only=True).card.notes
    assert '"age_approx" is taken as age_approx, and not "age", which says something else' in notes
    assert [
        n for n in notes if n.startswith("in 1 rows class and diagnosis contradict each other (first: row 2: mel, ")
    ]
    with pytest.raises(CutisError, match=r'c\.csv: columns "dx" and "DX" have one name'):
        import_dataset(put("c.csv", dx=TRUE, DX=OTHER), tmp_path / "more", table_only=True)
    chosen = import_dataset(put("c.csv", dx=TRUE, DX=OTHER), tmp_path / "more", table_only=True, label="DX")
    assert chosen.manifest["target"].to_list() == OTHER
