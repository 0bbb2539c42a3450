"""Other systems' tables: every usual shape gives the same predictions; what can't be read says what to add."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cutis.cli import main
from cutis.errors import CutisError
from cutis.evaluate.measure import measure
from cutis.evaluate.reading import read_predictions
from cutis.schema.predictions import Predictions, check_predictions

P = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.25, 0.25, 0.5], [0.6, 0.3, 0.1]])
IDS = ["ISIC_1", "ISIC_2", "ISIC_3", "ISIC_4"]
TARGET = ["nv", "mel", "bkl", "mel"]
CODES = ["nv", "mel", "bkl"]
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """write(table or text, name) -> the file."""

    def put(content: pl.DataFrame | str, name: str = "preds.csv", **options: str) -> Path:
        path = tmp_path / name
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        elif path.suffix == ".parquet":
            content.write_parquet(path)
        else:
            content.write_csv(path, **options)  # type: ignore[arg-type]
        return path

    return put


def wide(prefix: str = "p_", ids: str = "image_id", target: str | None = "target", **more: object) -> pl.DataFrame:
    columns: dict[str, object] = {ids: IDS, **{f"{prefix}{c}": P[:, k] for k, c in enumerate(CODES)}}
    if target:
        columns[target] = TARGET
    return pl.DataFrame({**columns, **more})


def check(made: Predictions, codes: list[str] | None = None) -> Predictions:
    check_predictions(made.table, made.info, "made")
    assert [c.casefold() for c in made.codes] == (codes or CODES)
    assert made.table["image_id"].to_list() == IDS
    assert made.probabilities() == pytest.approx(P)
    return made


@pytest.mark.parametrize("prefix", ["p_", "prob_", "score_", "P_", ""])
@pytest.mark.parametrize(("ids", "target"), [("image_id", "target"), ("isic_id", "dx"), ("Image Name", "label")])
def test_one_column_a_class(write: Write, prefix: str, ids: str, target: str) -> None:
    made = check(read_predictions(write(wide(prefix, ids, target))))
    assert made.table["target"].to_list() == TARGET
    assert made.table["predicted"].to_list() == ["nv", "mel", "bkl", "nv"]
    assert {c.code: c.malignant for c in made.info.classes} == {"nv": False, "mel": True, "bkl": False}
    assert made.info.notes[0].startswith("Read from preds.csv: one column a class")


def test_parquet_semicolons_commas_and_byte_order_mark(write: Write) -> None:
    check(read_predictions(write(wide(), "a.parquet")))
    check(read_predictions(write(wide(), "b.csv", separator=";")))
    check(read_predictions(write(wide(), "c.tsv", separator="\t")))
    european = wide().write_csv(separator=";").replace(".", ",")
    check(read_predictions(write("\ufeff" + european, "d.csv")))
    check(read_predictions(write(wide().with_row_index("").write_csv(), "e.csv")))  # pandas' row numbers


def test_logits_get_a_softmax_and_say_so(write: Write) -> None:
    table = pl.DataFrame({"image": IDS, **{f"logit_{c}": np.log(P[:, k]) + 3 for k, c in enumerate(CODES)}})
    made = check(read_predictions(write(table.with_columns(target=pl.Series(TARGET)))))
    assert "softmax" in made.info.notes[0]


def test_a_row_for_each_image_and_class(write: Write) -> None:
    rows = [
        {"image_id": i, "class": c, "probability": P[n, k], "target": TARGET[n], "sex": "F"}
        for k, c in enumerate(CODES)
        for n, i in enumerate(IDS)
    ]
    made = check(read_predictions(write(pl.DataFrame(rows))))
    assert made.table["target"].to_list() == TARGET
    assert made.table["sex"].to_list() == ["female"] * 4
    lost = pl.DataFrame(rows[:-1])
    with pytest.raises(CutisError, match='image "ISIC_4" has no row of class bkl'):
        read_predictions(write(lost))
    with pytest.raises(CutisError, match='image "ISIC_1" has class nv in several rows'):
        read_predictions(write(pl.DataFrame([*rows, rows[0]])))


def test_targets_by_name_and_answers_as_given(write: Write) -> None:
    names = ["Melanocytic nevus", "melanoma", "Benign keratosis-like lesion", "Melanoma"]
    made = read_predictions(write(wide(target=None, diagnosis=names, prediction=["mel", "mel", "bkl", "nevus"])))
    assert made.table["target"].to_list() == TARGET
    assert made.table["predicted"].to_list() == ["mel", "mel", "bkl", "nv"]


@pytest.mark.parametrize("truth", [["0", "1", "0", "1"], ["benign", "malignant", "benign", "malignant"]])
def test_a_single_score(write: Write, truth: list[str]) -> None:
    made = read_predictions(write(pl.DataFrame({"id": IDS, "y_true": truth, "score": [0.2, 0.51, 0.4, 0.5]})))
    assert made.codes == ["benign", "malignant"]
    assert made.table["target"].to_list() == ["benign", "malignant"] * 2
    assert made.table["predicted"].to_list() == ["benign", "malignant", "benign", "benign"]
    assert made.table["p_malignant"].to_list() == [0.2, 0.51, 0.4, 0.5]
    assert made.info.operating_points == {"p 0.5": {"threshold": 0.5}}


def test_single_logit_and_named_diagnoses(write: Write) -> None:
    table = pl.DataFrame({"id": IDS, "dx": ["nv", "mel", "nv", "mel"], "logit": [-1.0, 0.0, 1.0, 2.0]})
    made = read_predictions(write(table))
    assert made.codes == ["nv", "mel"]
    assert made.table["p_mel"].to_list() == pytest.approx([1 / (1 + np.exp(-x)) for x in (-1, 0, 1, 2)])


def test_isic_submission_and_its_truth(write: Write) -> None:
    """ISIC 2019's layout: scores that stand alone, a class UNK that the submission doesn't answer, weights."""
    scores = pl.DataFrame({"image": [f"{i}.jpg" for i in IDS], "MEL": [0.9, 0.4, 0.2, 0.7], "NV": [0.8, 0.6, 0.2, 0.1]})
    truth = pl.DataFrame(
        {
            "image": IDS[::-1],
            "MEL": [1.0, 0.0, 0.0, 1.0],
            "NV": [0.0, 0.0, 1.0, 0.0],
            "UNK": [0.0, 1.0, 0.0, 0.0],
            "score_weight": [1.0, 0.5, 1.0, 1.0],
            "validation_weight": [0.0] * 4,
        }
    )
    files = write(scores), write(truth, "truth.csv")
    with pytest.raises(CutisError, match=r"row 1: probabilities sum to 1\.7000, not 1.*--protocol"):
        read_predictions(files[0], truth=files[1])
    made = read_predictions(files[0], truth=files[1], stand_alone=True)
    assert made.info.task == "one-against-rest"
    assert made.codes == ["MEL", "NV", "UNK"]
    assert made.table["target"].to_list() == ["MEL", "NV", "UNK", "MEL"]
    assert made.table["p_UNK"].to_list() == [0.0] * 4
    assert made.table["score_weight"].to_list() == [1.0, 1.0, 0.5, 1.0]
    check_predictions(made.table, made.info, "made")


def test_isic_2017_and_2020_submissions(write: Write) -> None:
    truth = write(
        pl.DataFrame({"image_id": IDS, "melanoma": [1, 0, 0, 0], "seborrheic_keratosis": [0, 1, 0, 0]}), "t.csv"
    )
    scores = pl.DataFrame(
        {"image_id": IDS, "melanoma": [0.9, 0.1, 0.2, 0.3], "seborrheic_keratosis": [0.2, 0.6, 0.1, 0.4]}
    )
    made = read_predictions(write(scores), truth=truth)
    assert made.info.task == "multi-label"
    assert made.table["labels"].to_list() == [["melanoma"], ["seborrheic_keratosis"], [], []]
    truth = write(pl.DataFrame({"image_name": IDS, "patient_id": list("aabb"), "target": [0, 1, 0, 0]}), "t2.csv")
    made = read_predictions(write(pl.DataFrame({"image_name": IDS, "target": [0.1, 0.7, 0.2, 0.3]})), truth=truth)
    assert made.table["p_malignant"].to_list() == [0.1, 0.7, 0.2, 0.3]
    assert made.table["target"].to_list() == ["benign", "malignant", "benign", "benign"]
    assert made.table["patient_id"].to_list() == list("aabb")


def test_truth_with_an_image_that_was_not_predicted(write: Write) -> None:
    truth = write(pl.DataFrame({"image": [*IDS, "ISIC_5"], "target": [*TARGET, "nv"]}), "truth.csv")
    with pytest.raises(CutisError, match='image "ISIC_5" is in the truth but has no prediction'):
        read_predictions(write(wide(target=None)), truth=truth)
    fewer = write(pl.DataFrame({"image": IDS[:3], "target": TARGET[:3]}), "truth.csv")
    made = read_predictions(write(wide(target=None)), truth=fewer)
    assert made.table["target"].to_list() == [*TARGET[:3], None]
    assert "1 predicted images are not in the truth file." in made.info.notes


def test_several_labels_an_image(write: Write) -> None:
    table = wide(target=None, labels=["nv", "mel; bkl", "", "none"])
    made = read_predictions(write(table))
    assert made.info.task == "multi-label"
    assert made.table["labels"].to_list() == [["nv"], ["mel", "bkl"], None, []]


def test_attributes_and_identity_by_their_usual_names(write: Write) -> None:
    table = wide(lesion=list("aabb"), gender=["M", "f", "", "male"], age=[30, 55, 70, 90], fitzpatrick=[1, 6, -1, 3])
    made = read_predictions(write(table)).table
    assert made["lesion_id"].to_list() == list("aabb")
    assert made["sex"].to_list() == ["male", "female", None, "male"]
    assert made["fitzpatrick_skin_type"].to_list() == ["I", "VI", None, "III"]
    assert made["age_approx"].to_list() == [30, 55, 70, 85]


def test_rounded_rows_are_divided_by_their_sum(write: Write) -> None:
    table = pl.DataFrame({"image": IDS, "p_nv": [0.33] * 4, "p_mel": [0.33] * 4, "p_bkl": [0.33] * 4, "dx": TARGET})
    made = read_predictions(write(table))
    assert made.probabilities() == pytest.approx(np.full((4, 3), 1 / 3))
    assert any("rounded" in note for note in made.info.notes)
    assert any("4 rows have no single largest score" in note for note in made.info.notes)


BAD = {
    "nan": (wide(p_x=[0.0, float("nan"), 0, 0]), r'row 2: p_x is "NaN"; expected a finite number'),
    "infinity": (wide(p_x=[0.0, 0, float("inf"), 0]), r'row 3: p_x is "inf"'),
    "empty cell": (wide(p_x=[0.0, 0, None, 0]), "row 3: p_x is empty"),
    "word": (wide(p_x=["0", "0", "high", "0"]), 'row 3: p_x is "high"'),
    "sum of 2": (wide(p_x=[1.0] * 4), r"row 1: probabilities sum to 2\.0000, not 1"),
    "negative": (
        wide(p_x=[-0.5, 0, 0, 0]),
        "row 1: the score of x is -0.5; expected a probability in 0..1. If they are logits",
    ),
    "percent": (
        pl.DataFrame({"id": IDS, "target": [0, 1, 0, 1], "score": [3, 97, 40, 8]}),
        "row 1: score is 3; expected a",
    ),
    "unknown class": (
        wide(target=None, label=["nv", "mell", "bkl", "nv"]),
        'row 2: label "mell" is none of the classes: did',
    ),
    "class number": (
        wide(target=None, label=[0, 1, 2, 1]),
        'row 1: label "0" is none of the classes: valid: nv, mel, bkl',
    ),
    "same id twice": (wide().with_columns(image_id=pl.Series([*IDS[:3], "ISIC_1"])), '"ISIC_1" is in rows 1, 4'),
    "no id": (wide().drop("image_id"), "Add column image_id"),
    "no truth": (wide(target=None), "Add column target with one of nv, mel, bkl, or give --truth"),
    "no score": (
        pl.DataFrame({"image_id": IDS, "target": TARGET}),
        r"Add one column a class \(p_bkl, p_mel, p_nv, \.\.\.\)",
    ),
    "which score": (
        pl.DataFrame({"id": IDS, "target": [0, 1, 0, 1], "pred_a": [0.1] * 4, "pred_b": [0.2] * 4}),
        "columns pred_a, pred_b could each be the score. Choose one with --score pred_a",
    ),
    "score of what": (
        pl.DataFrame({"id": IDS, "target": ["acne", "rosacea"] * 2, "score": [0.1] * 4}),
        "which of them it is the score of is not known",
    ),
    "one class twice": (wide(p_NV=[0.0] * 4), "both give the score of class nv"),
    "no rows": (wide()[:0], "no rows"),
    "one lesion of two patients": (
        wide(lesion=list("aaab"), patient=list("pqpp")),
        'lesion_id "a" belongs to 2 patients',
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_says_what_to_mend(write: Write, case: str) -> None:
    table, words = BAD[case]
    with pytest.raises(CutisError, match=words) as caught:
        read_predictions(write(table))
    assert "\n" not in str(caught.value)
    assert "preds.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "empty; expected a CSV with a header line"),
        ("image_id,p_nv,p_nv\n1,2,3\n", '"p_nv" appears twice'),
        ("image_id,p_nv,p_mel\na,0.5,0.5\nb,0.5,0.5,0.5\n", "row 2 has 4 cells, the header 3"),
        ('image_id,p_nv,p_mel\na,0.5,"0.5\nb,0.5,0.5\n', "not a readable CSV .unexpected end of data"),
        ("\0\1\2", "binary data"),
    ],
)
def test_files_that_are_no_tables(write: Write, content: str, words: str) -> None:
    with pytest.raises(CutisError, match=words):
        read_predictions(write(content))


def test_other_file_faults(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes("image_id,размер\na,1\n".encode("cp1251"))
    with pytest.raises(CutisError, match="not UTF-8"):
        read_predictions(tmp_path / "latin.csv")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(CutisError, match="not a Parquet file"):
        read_predictions(tmp_path / "bad.parquet")
    with pytest.raises(CutisError, match="no such predictions file"):
        read_predictions(tmp_path / "absent.csv")


def test_a_cutis_file_is_read_as_one(write: Write, tmp_path: Path) -> None:
    made = read_predictions(write(wide()))
    path = made.save(tmp_path / "cutis.parquet")
    assert read_predictions(path).table.equals(made.table)
    with pytest.raises(CutisError, match="Leave out --score"):
        read_predictions(path, score="p_nv")


@pytest.mark.parametrize("n", [1, 6])
@pytest.mark.parametrize("kind", ["right", "wrong", "constant", "no positives"])
def test_tables_with_nothing_to_tell_are_measured_honestly(write: Write, n: int, kind: str) -> None:
    target = np.array([0] * n + ([] if kind == "no positives" else [1] * n))
    score = {"right": target * 0.8 + 0.1, "wrong": 0.9 - target * 0.8}.get(kind, np.full(len(target), 0.4))
    table = pl.DataFrame({"id": [f"i{k}" for k in range(len(target))], "target": target, "score": score, "site": "arm"})
    found = measure(write(table), resamples=40)
    for m in found.measured:
        assert (m.value is None) == (m.status == "not estimable")
        assert m.value is not None or m.reason
        assert m.low is not None or m.reason
    json.dumps(found.model_dump(mode="json"), allow_nan=False)
    accuracy = found.find("accuracy")
    assert accuracy is not None
    if 2 * n >= 5 and kind != "no positives":
        assert accuracy.value == {"right": 1.0, "wrong": 0.0, "constant": 0.5}[kind]
    auroc = found.find("auroc", "malignant")
    assert auroc is not None
    if n >= 5:
        assert auroc.value == {"right": 1.0, "wrong": 0.0, "constant": 0.5, "no positives": None}[kind]


def test_published_scores_of_four_networks(shared_data: Path) -> None:
    """AUROC and accuracy at 0.5 on ISIC images, per split, equal to the digits printed elsewhere."""
    tables = shared_data / "tables"
    reference = pl.read_csv(tables / "melanoma_model_predictions_reference.csv")
    file = tables / "melanoma_model_predictions_10k.csv"
    with pytest.raises(CutisError, match=r"could each be the score\. Choose one with --score pred_best"):
        read_predictions(file)
    for model in reference["model"].unique():
        made = read_predictions(file, score=model)
        found = measure(made, by=["split"], resamples=40)
        for row in reference.filter(pl.col("model") == model).iter_rows(named=True):
            auroc = found.find("auroc", "malignant", "split", row["split"])
            accuracy = found.find("accuracy", None, "split", row["split"])
            assert auroc is not None
            assert accuracy is not None
            assert auroc.value is not None
            assert accuracy.value is not None
            assert auroc.n == row["n"]
            assert round(auroc.value, 6) == row["auroc"]
            assert round(accuracy.value, 6) == row["accuracy_at_0.5"]


def test_command_line(write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 60)
    score = np.clip(rng.normal(0.3 + 0.3 * target, 0.2), 0, 1)
    table = pl.DataFrame({"id": [f"i{k}" for k in range(60)], "y_true": target, "a": score, "patient": target})
    table = table.with_columns(patient=pl.Series([f"p{k // 2}" for k in range(60)]))
    file = write(table)
    out = tmp_path / "report"
    options = ["--score", "a", "--protocol", "isic2020", "--prevalence", "0.02", "--resamples", "40"]
    with pytest.raises(SystemExit) as end:
        main(["evaluate", str(file), "--out", str(out), *options])
    assert end.value.code == 0, capsys.readouterr().err
    assert "isic2020:auc: 0." in capsys.readouterr().out
    html = (out / "index.html").read_text(encoding="utf-8")
    for words in ("Is it better to act on the model?", "By the rules of the challenge", "if 2\N{NO-BREAK SPACE}% were"):
        assert words in html
    assert (out / "figures" / "decision-curve.svg").is_file()
    with pytest.raises(SystemExit) as end:
        main(["evaluate", str(file), "--out", str(tmp_path / "other"), "--score", "b"])
    assert end.value.code == 2
    assert "no column b to take as the score" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
