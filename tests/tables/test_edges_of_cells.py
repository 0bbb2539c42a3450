"""What can't be seen around a cell or a name makes no other class, group or column of it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from cutis.data.columns import read_columns
from cutis.errors import CutisError
from cutis.evaluate.reading import read_predictions
from cutis.tables import load_table, read_header, read_table, trimmed

ZERO, MARK, JOINER = "\u200b", "\ufeff", "\u200d"
NAMES, CELLS = ["image_id", "camera"], [["a", "x"], ["b", "x"]]
PLAIN = f"{MARK}{MARK}image_id{ZERO},{JOINER}camera\na,x{ZERO}\nb, {MARK}x \n"
WAYS = {
    "plain.csv": PLAIN,
    "record by record.csv": "sep=,\n" + PLAIN.replace("a,", f'"a{ZERO}",'),
    "lines.jsonl": "\n".join(json.dumps({"image_id": i, "camera": c}) for i, c in (("a", f"x{ZERO}"), ("b", "x"))),
}


@pytest.mark.parametrize("name", WAYS)
def test_a_table_is_read_without_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(WAYS[name], encoding="utf-8")
    columns, rows = read_table(path)
    assert (columns, [list(row.values()) for row in rows]) == (NAMES, CELLS)
    assert load_table(path)[0].rows() == [tuple(row) for row in CELLS]
    assert read_header(path) == NAMES
    assert read_columns(path)[0].columns == NAMES


def test_names_that_only_differ_in_it_are_the_same_twice(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"image_id,dx,dx{ZERO}\na,1,2\n", encoding="utf-8")
    with pytest.raises(CutisError, match='column "dx" appears twice'):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("text", ["", "a", f"{ZERO}a b{MARK} ", f"a{ZERO}b"])
def test_within_a_cell_everything_stays(text: str) -> None:
    assert trimmed(text) == text.replace(f"{ZERO}a b{MARK} ", "a b")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_labels_with_it_are_the_classes_that_they_look_like(kind: str, tmp_path: Path) -> None:
    scores = {"p_mel": [0.9, 0.2], "p_nv": [0.1, 0.8]}
    table = pl.DataFrame({"image_id": ["a", "b"], "target": [f"mel{ZERO}", f"{MARK}nv"], **scores})
    path = tmp_path / f"p.{kind}"
    table.write_csv(path) if kind == "csv" else table.write_parquet(path)
    assert read_predictions(path).table["target"].to_list() == ["mel", "nv"]
