"""A single score is read in the direction that its column's name says; where the name doesn't say it, it is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cutis.cli import main
from cutis.errors import CutisError
from cutis.evaluate.compare import compare
from cutis.evaluate.measure import measure
from cutis.evaluate.reading import read_predictions

SICK = np.arange(24) % 2 == 1
HIGH = 0.1 + 0.7 * SICK + np.arange(24) / 1000  # of the sick
Put = Callable[..., Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """put(score's column, its values, truth's column, (label of the well, of the sick), ...) -> the file."""

    def made(score: str, values: np.ndarray, truth: str, labels: tuple[str, str], name: str = "p.csv") -> Path:
        said = [labels[int(sick)] for sick in SICK]
        table = pl.DataFrame({"image_id": [f"i{k:02}" for k in range(24)], truth: said, score: values})
        table.write_csv(tmp_path / name)
        return tmp_path / name

    return made


ZERO_ONE, WORDS, CODES = ("0", "1"), ("benign", "malignant"), ("nv", "mel")
PLAIN = [
    # score's column, truth's column, labels, whether it is the score of the sick
    ("score", "target", ZERO_ONE, True),
    ("score", "target", WORDS, True),
    ("score", "label", CODES, True),
    ("resnet50", "target", WORDS, True),
    ("p_malignant", "target", ZERO_ONE, True),
    ("p_mel", "target", ZERO_ONE, True),
    ("p_1", "target", ZERO_ONE, True),
    ("p_0", "target", ZERO_ONE, False),
    ("p_benign", "target", WORDS, False),
    ("Benign_Probability", "target", WORDS, False),
    ("prob(benign)", "target", WORDS, False),
    ("score_benign", "target", WORDS, False),
    ("BenignScore", "target", WORDS, False),
    ("pred_benign", "target", WORDS, False),
    ("p_gutartig", "target", WORDS, False),
    ("p_non_malignant", "target", WORDS, False),
    ("p_bösartig", "target", ("gutartig", "bösartig"), True),
    ("p_gutartig", "target", ("gutartig", "bösartig"), False),
    ("prob_nv", "target", CODES, False),
    ("prob_nevus", "target", CODES, False),
    ("prob_Melanocytic nevus", "target", CODES, False),
    ("p_benign", "target", CODES, False),
    ("prob_nv", "target", WORDS, False),
    ("p_melanoma", "dx", CODES, True),
    ("nv_prob", "dx", CODES, False),
    ("p_benign", "malignant", ZERO_ONE, False),
    ("score", "malignant", ZERO_ONE, True),
    ("score", "is_malignant", ZERO_ONE, True),
    ("p_malignant", "benign", ("1", "0"), True),
    ("p_benign", "benign", ("1", "0"), False),
    ("prob_class_0", "target", ZERO_ONE, False),
    ("prob_class_1", "target", ZERO_ONE, True),
    ("score_0", "target", CODES, False),
    ("p_1", "target", CODES, True),
    ("p_negative", "target", WORDS, False),
    ("p_normal", "target", WORDS, False),
    ("p_healthy", "target", CODES, False),
    ("p_normal", "target", ("normal", "mel"), False),
    ("p_gutartig", "is_benign", ("true", "false"), False),
]


@pytest.mark.parametrize(("score", "truth", "labels", "sick"), PLAIN)
def test_what_a_name_says_is_understood(put: Put, score: str, truth: str, labels: tuple[str, str], sick: bool) -> None:
    options = {"score": score} if score == "resnet50" else {}
    made = read_predictions(put(score, HIGH if sick else 1 - HIGH, truth, labels), **options)
    ill = next(c.code for c in made.info.classes if c.malignant)
    assert made.table[f"p_{ill}"].to_numpy() == pytest.approx(HIGH)
    assert (made.table["target"] == ill).to_numpy().tolist() == SICK.tolist()
    assert [r.code for r in made.info.remarks] == ([] if sick else ["turned"])
    assert {r.words for r in made.info.remarks} <= set(made.info.notes)


def test_a_turned_score_ranks_perfectly(put: Put) -> None:
    found = measure(put("p_benign", 1 - HIGH, "target", WORDS), by=[], resamples=40)
    assert found.find("auroc", "malignant").value == 1.0  # type: ignore[union-attr]
    assert [r.code for r in found.remarks] == ["turned"]


@pytest.mark.parametrize(
    ("score", "truth", "labels"),
    [
        ("score", "benign", ("1", "0")),  # 1 is the benign: whose score is it?
        ("p_normal", "target", ZERO_ONE),
        ("p_normal", "melanoma", ZERO_ONE),
        ("p_class_2", "target", ZERO_ONE),
        ("score_0", "target", ("nv", "bkl")),
        ("p_benign", "target", ZERO_ONE),  # 1 is malignant by custom only
        ("prob_nv", "target", ZERO_ONE),
        ("p_akiec", "target", ZERO_ONE),
        ("p_bcc", "target", CODES),
        ("p_akiec", "target", WORDS),
        ("score", "target", ("acne", "rosacea")),
        ("score", "target", ("nv", "bkl")),
        ("p_bcc", "melanoma", ZERO_ONE),
        ("p_benign", "melanoma", ZERO_ONE),  # not a melanoma may be another cancer
    ],
)
def test_what_no_name_says_is_refused_with_the_option(
    put: Put, score: str, truth: str, labels: tuple[str, str]
) -> None:
    file = put(score, HIGH, truth, labels)
    a, b = sorted(labels)
    with pytest.raises(CutisError, match=f"is not known. Say it with --score-is {a} or --score-is {b}") as caught:
        read_predictions(file)
    assert "\n" not in str(caught.value)
    for label in labels:
        made = read_predictions(file, score_is=label)
        of_sick = label == labels[1]
        scored = {row["target"] for row in made.table.filter(pl.col("target").is_not_null()).to_dicts()}
        sick = next(t for t, s in zip(made.table["target"], SICK, strict=True) if s)
        assert made.table[f"p_{sick}"].to_numpy() == pytest.approx(HIGH if of_sick else 1 - HIGH)
        assert len(scored) == 2


def test_a_truth_of_one_diagnosis_is_not_a_truth_of_benign(put: Put) -> None:
    made = read_predictions(put("score", HIGH, "melanoma", ZERO_ONE))
    assert {c.code: c.malignant for c in made.info.classes} == {"not melanoma": None, "melanoma": True}
    found = measure(made, resamples=40)
    assert found.find("auroc", "malignant") is None
    assert found.find("auroc", "melanoma").value == 1.0  # type: ignore[union-attr]


def test_the_option_takes_sides_and_labels_and_names_the_nearest(put: Put) -> None:
    file = put("score", HIGH, "benign", ("1", "0"))
    for said in ("malignant", "0", "Malignant"):
        assert read_predictions(file, score_is=said).table["p_malignant"].to_numpy() == pytest.approx(HIGH)
    for said in ("benign", "1", "gutartig"):
        assert read_predictions(file, score_is=said).table["p_benign"].to_numpy() == pytest.approx(HIGH)
    with pytest.raises(CutisError, match='--score-is "bening": did you mean "benign"'):
        read_predictions(file, score_is="bening")
    wide = pl.DataFrame({"image_id": ["a"], "target": ["nv"], "p_nv": [0.5], "p_mel": [0.5]})
    wide.write_csv(file)
    with pytest.raises(CutisError, match="--score-is is for a single score"):
        read_predictions(file, score_is="nv")


def test_a_truth_file_of_one_column_of_a_class(put: Put, tmp_path: Path) -> None:
    ids = [f"i{k:02}" for k in range(24)]
    scores, truth = tmp_path / "s.csv", tmp_path / "t.csv"
    pl.DataFrame({"image_id": ids, "p_benign": 1 - HIGH}).write_csv(scores)
    pl.DataFrame({"image_id": ids, "benign": (~SICK).astype(int)}).write_csv(truth)
    found = measure(scores, truth=truth, by=[], resamples=40)
    assert found.find("auroc", "malignant").value == 1.0  # type: ignore[union-attr]
    pl.DataFrame({"image_id": ids, "score": HIGH}).write_csv(scores)
    with pytest.raises(CutisError, match="column benign holds 0, 1"):
        measure(scores, truth=truth, by=[], resamples=40)


@pytest.mark.parametrize(
    ("columns", "truth", "labels", "right"),
    [
        (("p_benign", "p_malignant"), "target", ZERO_ONE, True),
        (("p_malignant", "p_benign"), "target", WORDS, True),
        (("p_malignant", "p_benign"), "malignant", ZERO_ONE, True),
        (("p_malignant", "p_benign"), "benign", ("1", "0"), True),
        (("benign_prob", "malignant_prob"), "target", WORDS, True),
        (("p_malignant", "p_benign"), "target", ZERO_ONE, False),  # 1: malignant, or the second column?
    ],
)
def test_two_columns_in_either_order(
    tmp_path: Path, columns: tuple[str, str], truth: str, labels: tuple[str, str], right: bool
) -> None:
    values = {c: HIGH if "malignant" in c else 1 - HIGH for c in columns}
    said = [labels[int(sick)] for sick in SICK]
    pl.DataFrame({"image_id": [f"i{k}" for k in range(24)], truth: said, **values}).write_csv(tmp_path / "p.csv")
    if right:
        found = measure(tmp_path / "p.csv", by=[], resamples=40)
        assert found.find("auroc", "malignant").value == 1.0  # type: ignore[union-attr]
        return
    with pytest.raises(CutisError, match="1 may be malignant, as the malignant class, or benign, as the second column"):
        measure(tmp_path / "p.csv", by=[], resamples=40)


def test_the_commands_take_the_option_and_say_what_was_turned(
    put: Put, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = put("score", 1 - HIGH, "target", ("acne", "rosacea"))
    with pytest.raises(SystemExit) as end:
        main(["evaluate", str(file), "--out", str(tmp_path / "a"), "--resamples", "40"])
    assert end.value.code == 2
    assert "--score-is acne or --score-is rosacea" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()
    with pytest.raises(SystemExit) as end:
        main(["evaluate", str(file), "--out", str(tmp_path / "a"), "--resamples", "40", "--score-is", "acne"])
    out = capsys.readouterr().out
    assert end.value.code == 0
    assert "Macro AUROC: 1.000" in out
    assert "note: Column score is the score of acne, as asked with --score-is: that of rosacea is 1 minus it." in out
    other = put("p_acne", 1 - HIGH, "target", ("acne", "rosacea"), "q.csv")
    made = compare(file, other, resamples=40, score_is="acne")
    assert {(m.first, m.second) for m in made.measured if m.metric == "macro_auroc"} == {(1.0, 1.0)}
