"""Labels and probabilities as people write them: the right value, or one line that says what to mend."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cutis.errors import CutisError
from cutis.evaluate.measure import measure
from cutis.evaluate.reading import read_predictions

P = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [0.6, 0.3, 0.1]])


def write(path: Path, target: list[object], codes: tuple[str, ...] = ("nv", "mel", "bkl"), **more: object) -> Path:
    columns = {"image_id": list("abcd"), "target": target, **{f"p_{c}": P[:, k] for k, c in enumerate(codes)}, **more}
    pl.DataFrame(columns, strict=False).write_csv(path)
    return path


NUMBERED = ("0", "1", "2")


@pytest.mark.parametrize(
    ("target", "codes", "read"),
    [
        ([0, 1, 2, 1], NUMBERED, ["0", "1", "2", "1"]),
        (["0.0", "1.0", "2.0", "1.00"], NUMBERED, ["0", "1", "2", "1"]),
        ([1, 2, 3, 2], ("1", "2", "3"), ["1", "2", "3", "2"]),
        (["NV ", " mel", "Bkl", "MEL"], ("nv", "mel", "bkl"), ["nv", "mel", "bkl", "mel"]),
        (["nv", "", "bkl", "mel"], ("nv", "mel", "bkl"), ["nv", None, "bkl", "mel"]),
        (["nv", "nan", "bkl", "mel"], ("nv", "mel", "bkl"), ["nv", None, "bkl", "mel"]),
        (["nv", "unknown", "N/A", "mel"], ("nv", "mel", "bkl"), ["nv", None, None, "mel"]),
        (["nv", "unk", "UNK", "mel"], ("nv", "mel", "unk"), ["nv", "unk", "unk", "mel"]),
        (["nv", "none", "nv", "mel"], ("nv", "mel", "none"), ["nv", "none", "nv", "mel"]),
    ],
)
def test_labels_that_are_understood(
    tmp_path: Path, target: list[object], codes: tuple[str, ...], read: list[str | None]
) -> None:
    made = read_predictions(write(tmp_path / "p.csv", target, codes))
    assert made.table["target"].to_list() == read
    said = [note for note in made.info.notes if "count as rows without one" in note]
    assert len(said) == any(t in ("nan", "unknown") for t in target)


@pytest.mark.parametrize(
    ("target", "codes", "words"),
    [
        (["nv", "scc", "bkl", "mel"], ("nv", "mel", "bkl"), 'row 2: target "scc" is none of the classes: '),
        ([0, 1, 2, 1], ("nv", "mel", "bkl"), 'row 1: target "0" .*valid: nv, mel, bkl. A number may be a place in any'),
        ([1, 2, 3, 2], NUMBERED, 'row 3: target "3" .*valid: 0 to 2. The labels seem to count from 1, the columns fro'),
        ([0, 1, 2, 1], ("1", "2", "3"), 'row 1: target "0" .*valid: 1 to 3. The labels seem to count from 0, the col'),
        ([-1, 1, 2, 1], NUMBERED, 'row 1: target "-1" is none of the classes'),
        (["nv", "unk", "bkl", "mel"], ("nv", "mel", "bkl"), 'row 2: target "unk" is none of the classes'),
        (["nv", "none", "bkl", "mel"], ("nv", "mel", "bkl"), 'row 2: target "none" is none of the classes'),
    ],
)
def test_labels_that_are_not_say_what_to_mend(
    tmp_path: Path, target: list[object], codes: tuple[str, ...], words: str
) -> None:
    with pytest.raises(CutisError, match=words) as caught:
        read_predictions(write(tmp_path / "p.csv", target, codes))
    assert "\n" not in str(caught.value)


def test_answers_are_read_as_labels_are(tmp_path: Path) -> None:
    file = write(tmp_path / "p.csv", [0, 1, 2, 1], NUMBERED, predicted=[2, 1, 0, 0])
    table = pl.read_csv(file, glob=False)
    table.write_parquet(tmp_path / "p.parquet")
    for path in (file, tmp_path / "p.parquet"):
        assert read_predictions(path).table["predicted"].to_list() == ["2", "1", "0", "0"]


def test_labels_that_count_from_one_are_below_chance_where_nothing_else_tells(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    p = rng.random((60, 4)) + 1.5 * (np.arange(4) == y[:, None])
    p /= p.sum(1, keepdims=True)
    columns = {f"p_{k}": p[:, k] for k in range(4)}
    pl.DataFrame({"image_id": [f"i{k}" for k in range(60)], "target": y + 1, **columns}).write_csv(tmp_path / "p.csv")
    found = measure(tmp_path / "p.csv", resamples=40)
    assert ("below chance", "macro_auroc") in [(r.code, r.about) for r in found.remarks]
    assert any("labels count from 1 where columns count from 0" in r.words for r in found.remarks)


@pytest.mark.parametrize(("value", "read"), [(-1e-17, 0.0), (1 + 1e-12, 1.0), (-1e-9, 0.0), (0.25, 0.25)])
def test_rounding_errors_of_floats_are_put_back(tmp_path: Path, value: float, read: float) -> None:
    table = pl.DataFrame({"image_id": ["a", "b"], "target": [0, 1], "score": [f"{value!r}", "0.5"]})
    table.write_csv(tmp_path / "p.csv")
    assert read_predictions(tmp_path / "p.csv").table["p_malignant"].to_list() == [read, 0.5]
    table = pl.DataFrame({"image_id": ["a"], "target": ["nv"], "p_nv": [f"{value!r}"], "p_mel": [f"{1 - value!r}"]})
    table.write_csv(tmp_path / "p.csv")
    made = read_predictions(tmp_path / "p.csv")
    assert made.table["p_nv"].to_list() == [read]
    assert made.probabilities().sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (
            ["53.4", "12"],
            "row 1: score is 53.4; expected a probability in 0..1. Divide percentages by 100; if they are",
        ),
        (
            ["53.4%", "12%"],
            'row 1: score is "53.4%"; expected a finite number. Divide percentages by 100, and leave the',
        ),
        (
            ["0.5", "-2.5"],
            "row 2: score is -2.5; expected a probability in 0..1. If they are logits, call the column lo",
        ),
        (["0.5", "1.01"], "row 2: score is 1.01; expected a probability in 0..1"),
        (["0.5", "-0.001"], "row 2: score is -0.001; expected a probability in 0..1"),
        (["0.5", "250"], "row 2: score is 250; expected a probability in 0..1. If they are logits"),
    ],
)
def test_what_is_no_probability_says_what_to_do(tmp_path: Path, cells: list[str], words: str) -> None:
    pl.DataFrame({"image_id": ["a", "b"], "target": [0, 1], "score": cells}).write_csv(tmp_path / "p.csv")
    with pytest.raises(CutisError, match=words):
        read_predictions(tmp_path / "p.csv")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            {"p_nv": ["53.4", "1"], "p_mel": ["46.6", "99"]},
            "row 1: the score of nv is 53.4; .*Divide percentages by 100",
        ),
        ({"p_nv": ["53.4%", "1%"], "p_mel": ["46.6%", "99%"]}, 'row 1: p_nv is "53.4%"; .*Divide percentages by 100'),
        (
            {"p_nv": ["-1.5", "1"], "p_mel": ["0.6", "9"]},
            "row 1: the score of nv is -1.5; .*call the columns logit_",
        ),
    ],
)
def test_the_same_of_a_column_for_each_class(tmp_path: Path, columns: dict[str, list[str]], words: str) -> None:
    pl.DataFrame({"image_id": ["a", "b"], "target": ["nv", "mel"], **columns}).write_csv(tmp_path / "p.csv")
    with pytest.raises(CutisError, match=words):
        read_predictions(tmp_path / "p.csv")


def test_a_single_logit_column_named_after_its_class_gets_a_sigmoid(tmp_path: Path) -> None:
    for name in ("logit_mel", "mel_logit"):
        table = pl.DataFrame({"image_id": ["a", "b"], "target": ["nv", "mel"], name: [-1.0, 2.0]})
        table.write_csv(tmp_path / "p.csv")
        made = read_predictions(tmp_path / "p.csv")
        assert made.table["p_mel"].to_list() == pytest.approx([1 / (1 + np.e), 1 / (1 + np.exp(-2))])


def test_labels_of_several_that_say_nothing_are_unlabelled(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {"image_id": list("abcd"), "p_x": [0.1] * 4, "p_y": [0.2] * 4, "labels": ["x", "nan", "", "none"]}
    )
    table.with_columns(labels=pl.Series(["x", "nan", "", "none"])).write_csv(tmp_path / "p.csv")
    assert read_predictions(tmp_path / "p.csv").table["labels"].to_list() == [["x"], None, None, []]
