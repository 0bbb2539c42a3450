"""Predictions of other systems as their tables come: labels with signs, numbered columns, truths of 0 and 1, paths."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cutis.errors import CutisError
from cutis.evaluate.reading import read_predictions
from cutis.report.figures import safe_name
from cutis.schema.predictions import Predictions

Write = Callable[..., Path]
ROWS = 12
CODES = ("mel", "nv", "bcc")


def soft(k: int, n: int) -> list[float]:
    """Probabilities of `n` classes of which number k % n is likeliest."""
    return [round(0.7 if j == k % n else 0.3 / (n - 1), 6) for j in range(n)]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(head: Sequence[str], rows: Sequence[Sequence[Any]], name: str = "preds.csv", separator: str = ",") -> Path:
        with (tmp_path / name).open("w", newline="", encoding="utf-8") as file:
            made = csv.writer(file, delimiter=separator)
            made.writerow(head)
            made.writerows(rows)
        return tmp_path / name

    return put


def truths(predictions: Predictions) -> list[str]:
    return predictions.table["target"].to_list()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("BRAF+", "BRAF-"), ("<1 mm", ">1 mm"), ("melanoma", "melanoma?"), ("HER2 2+", "HER2 2++"), ("+", "-"),
        ("nävus", "navus"), ("none", "melanoma"), ("😀", "😢"), ("!tumour", "tumour"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("prefix", ["p_", "logit_", ""])
def test_labels_that_differ_in_a_sign_are_two_classes(one: str, other: str, prefix: str, write: Write) -> None:
    rows = [(f"i{k}", (one, other)[k % 2], *soft(k, 2)) for k in range(ROWS)]
    read = read_predictions(write(["image_id", "target", f"{prefix}{one}", f"{prefix}{other}"], rows))
    assert read.codes == [one, other]
    assert [c.name for c in read.info.classes] == [one, other]
    assert truths(read) == [(one, other)[k % 2] for k in range(ROWS)]
    assert truths(read) == read.table["predicted"].to_list()
    assert all(c.malignant is not True for c in read.info.classes if c.code != "melanoma")


@pytest.mark.parametrize(("one", "other"), [("grade II", "grade ii"), ("a b", "a-b"), ("nv", "NV ")])
def test_columns_that_may_be_one_class_are_asked_of(one: str, other: str, write: Write) -> None:
    rows = [(f"i{k}", one, *soft(k, 2)) for k in range(ROWS)]
    with pytest.raises(CutisError, match=r"both give the score of class .* Remove one, or rename one") as asked:
        read_predictions(write(["image_id", "target", f"p_{one}", f"p_{other}"], rows))
    assert f'"p_{one}" and "p_{other.strip()}"' in str(asked.value)


def test_labels_that_are_taken_for_one_class_are_told(write: Write) -> None:
    labels = ("MEL", "mel", "Melanoma in situ", "nv")
    rows = [(f"i{k}", labels[k % 4], *soft(k, 3)) for k in range(ROWS)]
    read = read_predictions(write(["image_id", "target", *(f"p_{c}" for c in CODES)], rows))
    assert set(truths(read)) == {"mel", "nv"}
    assert 'In column target, "MEL" and "mel" and "Melanoma in situ" are all class mel.' in read.info.notes
    form = unicodedata.normalize("NFD", "nävus")
    rows = [(f"i{k}", ("nävus", form)[k % 2], *soft(k, 2)) for k in range(ROWS)]
    assert set(truths(read_predictions(write(["image_id", "target", "p_nävus", "p_x"], rows)))) == {"nävus"}


@pytest.mark.parametrize("column", ["class_{}", "Class{}", "prob_class_{}", "p_{}"])
def test_numbered_columns_are_the_classes_of_those_numbers(column: str, write: Write) -> None:
    head = ["image_id", "target", *(column.format(k) for k in range(3))]
    read = read_predictions(write(head, [(f"i{k}", k % 3, *soft(k, 3)) for k in range(ROWS)]))
    assert read.codes == ["0", "1", "2"]
    assert truths(read) == read.table["predicted"].to_list()
    with pytest.raises(CutisError, match=r'target "mel" .*columns are only numbered: call them p_<class>'):
        read_predictions(write(head, [(f"i{k}", CODES[k % 3], *soft(k, 3)) for k in range(ROWS)]))


def test_numbered_columns_keep_their_names_where_the_truth_has_them(write: Write) -> None:
    rows = [(f"i{k}", f"class_{k % 2}", *soft(k, 2)) for k in range(ROWS)]
    assert read_predictions(write(["image_id", "target", "class_0", "class_1"], rows)).codes == ["class_0", "class_1"]


@pytest.mark.parametrize("column", ["{}", "true_{}", "GT_{}", "y_true_{}"])
def test_a_truth_of_zero_and_one_beside_the_scores(column: str, write: Write) -> None:
    head = ["image", *(column.format(c.upper()) for c in CODES), *(f"p_{c}" for c in CODES)]
    rows = [(f"i{k}", *(int(j == k % 3) for j in range(3)), *soft(k, 3)) for k in range(ROWS)]
    read = read_predictions(write(head, rows))
    assert truths(read) == [CODES[k % 3] for k in range(ROWS)]
    assert any("of 0 and 1" in note for note in read.info.notes)
    several = [(*row[:1], 1, 1, 0, *row[4:]) if k == 0 else row for k, row in enumerate(rows)]
    read = read_predictions(write(head, several))
    assert read.info.task == "multi-label"
    assert read.table["labels"].to_list()[:2] == [["mel", "nv"], ["nv"]]
    with pytest.raises(CutisError, match="no column says what is true"):  # of two classes only: not guessed
        read_predictions(write([head[0], *head[2:]], [(row[0], *row[2:]) for row in rows]))


@pytest.mark.parametrize(
    ("predicted", "true"),
    [
        ("/data/x/ISIC_{:04d}.jpg", "ISIC_{:04d}"),
        ("test\\ISIC_{:04d}.JPG", "ISIC_{:04d}"),
        ("ISIC_{:04d}", "/gt/ISIC_{:04d}.png"),
        (r"C:\x\ISIC_{:04d}.jpg", "y/ISIC_{:04d}"),
    ],
)
def test_paths_and_file_names_are_one_image(predicted: str, true: str, write: Write) -> None:
    truth = write(["image", "label"], [(true.format(k), CODES[k % 3]) for k in range(ROWS)], "truth.csv")
    rows = [(predicted.format(k), *soft(k, 3)) for k in reversed(range(ROWS))]
    read = read_predictions(write(["image", *(f"p_{c}" for c in CODES)], rows), truth=truth)
    assert read.table["image_id"].sort().to_list() == [f"ISIC_{k:04d}" for k in range(ROWS)]
    assert truths(read) == read.table["predicted"].to_list()
    assert "image_id is the file's name, without the folders that the table writes before it." in read.info.notes


def test_paths_that_tell_images_apart_stay(write: Write) -> None:
    names = [f"{'ab'[k % 2]}/x{k // 2}.jpg" for k in range(ROWS)]
    truth = write(["image", "label"], [(n, CODES[k % 3]) for k, n in enumerate(names)], "truth.csv")
    head = ["image", *(f"p_{c}" for c in CODES)]
    read = read_predictions(write(head, [(n, *soft(k, 3)) for k, n in enumerate(names)]), truth=truth)
    assert read.table["image_id"].to_list() == [n.removesuffix(".jpg") for n in names]
    elsewhere = [(f"/else/{n}", *soft(k, 3)) for k, n in enumerate(names)]
    with pytest.raises(CutisError, match="is in the truth but has no prediction"):  # x0 is two images: not guessed
        read_predictions(write(head, elsewhere), truth=truth)


def test_ids_of_numbers_are_one_in_csv_and_parquet(write: Write, tmp_path: Path) -> None:
    truth = write(["image", "label"], [(k, CODES[k % 3]) for k in range(1, ROWS)], "truth.csv")
    table = pl.DataFrame({"image_id": [float(k) for k in range(1, ROWS)]})
    scores = [soft(k, 3) for k in range(1, ROWS)]
    table = table.with_columns(pl.Series(f"p_{c}", [row[j] for row in scores]) for j, c in enumerate(CODES))
    table.write_parquet(tmp_path / "preds.parquet")
    read = read_predictions(tmp_path / "preds.parquet", truth=truth)
    assert read.table["image_id"].to_list() == [str(k) for k in range(1, ROWS)]
    padded = write(["image", "label"], [(f"{k:04d}", CODES[k % 3]) for k in range(1, ROWS)], "truth.csv")
    rows = [(f"{k:04d}", *(f"{p:.6f}".replace(".", ",") for p in soft(k, 3))) for k in range(1, ROWS)]
    read = read_predictions(write(["image", *(f"p_{c}" for c in CODES)], rows, separator=";"), truth=padded)
    assert read.table["image_id"].to_list() == [f"{k:04d}" for k in range(1, ROWS)]
    assert truths(read) == read.table["predicted"].to_list()


def test_a_file_is_read_exactly_and_its_encoding_told(write: Write, tmp_path: Path) -> None:
    head = ["image_id", "target", "p_mel", "p_größer"]
    path = write(head, [(f"i{k}", ("mel", "größer")[k % 2], *soft(k, 2)) for k in range(ROWS)], "p[1].csv")
    write(head, [("wrong", "mel", 1, 0)], "p1.csv")
    path.write_bytes(path.read_text(encoding="utf-8").encode("cp1252"))
    read = read_predictions(path)
    assert read.codes == ["mel", "größer"]
    assert len(read.table) == ROWS
    assert any("read as Windows-1252" in note for note in read.info.notes)


def test_files_of_two_names_are_two() -> None:
    assert safe_name("roc-mel_1.0") == "roc-mel_1.0"
    assert len({safe_name(name) for name in ("roc-BRAF+", "roc-BRAF-", "roc-BRAF?", "roc-BRAF_")}) == 4
