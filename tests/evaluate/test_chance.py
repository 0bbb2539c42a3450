"""A model that isn't shown to be better than chance is said not to be, with what usually causes it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from evaluate_world import predictions

from cutis.cli import main
from cutis.evaluate.chance import CAUSES
from cutis.evaluate.compare import compare
from cutis.evaluate.measure import measure
from cutis.schema.evidence import Evidence
from cutis.schema.predictions import Predictions

CODES = ["nv", "mel", "bkl"]


def world(skill: float, n: int = 150, codes: list[str] | None = None, seed: int = 0) -> Predictions:
    """skill: how much higher the true class's score is; 0 knows nothing, below 0 is upside down."""
    codes = codes or CODES
    rng = np.random.default_rng(seed)
    target = np.arange(n) % len(codes)
    p = np.exp(rng.normal(size=(n, len(codes))) + skill * (np.arange(len(codes)) == target[:, None]))
    return predictions(p / p.sum(1, keepdims=True), [codes[k] for k in target], codes)


def remarks(found: Evidence) -> dict[tuple[str, str | None], str]:
    assert all(r.words in found.notes for r in found.remarks)
    return {(r.metric, r.class_code): r.code for r in found.remarks}


def test_a_good_model_has_no_remark() -> None:
    assert measure(world(2.0), resamples=200).remarks == []


def test_a_model_that_knows_nothing_is_at_chance() -> None:
    found = measure(world(0.0), resamples=200)
    assert remarks(found) == {("auroc", "malignant"): "at-chance", ("balanced_accuracy", None): "at-chance"}
    assert any("no better than chance (1 / 3 classes), as far as these images tell" in r.words for r in found.remarks)


def test_an_upside_down_model_is_below_chance_and_its_causes_are_said_once() -> None:
    found = measure(world(-2.0), resamples=200)
    said = remarks(found)
    assert said.pop(("auroc", "nv")) == "below-chance"
    assert said == {("auroc", "malignant"): "below-chance", ("balanced_accuracy", None): "below-chance"}
    assert sum(r.words.count(CAUSES) for r in found.remarks) == 1
    assert found.remarks[0].words.endswith(CAUSES)
    assert "nv (0." in found.remarks[-1].words


def test_a_group_that_is_upside_down_is_named() -> None:
    good, bad = world(2.0, n=90), world(-2.0, n=90, seed=1)
    table = pl.concat([good.table, bad.table.with_columns(image_id="b" + pl.col("image_id"), source=pl.lit("there"))])
    table = table.with_columns(lesion_id=pl.col("image_id"))
    found = measure(Predictions(table, good.info), by=["source"], resamples=200)
    words = next(r.words for r in found.remarks if "in the groups" in r.words)
    assert words.startswith("AUROC of malignant is below chance (0.5) in the groups source there (0.")


def test_of_two_labels_the_one_that_is_upside_down_is_named() -> None:
    rng = np.random.default_rng(0)
    y = rng.random((80, 2)) < 0.5
    p = np.column_stack([0.1 + 0.8 * y[:, 0], 0.9 - 0.8 * y[:, 1]])
    labels = [[c for c, held in zip("xy", row, strict=True) if held] for row in y]
    table = predictions(p, [None] * 80, ["x", "y"], labels=labels)
    info = table.info.model_copy(update={"task": "multi-label"})
    found = measure(Predictions(table.table.with_columns(predicted=pl.lit(None, pl.String)), info), resamples=40)
    assert any(r.code == "below-chance" and "for y (0.000)" in r.words for r in found.remarks)


def test_a_constant_answer_is_at_chance() -> None:
    table = predictions(np.tile([0.6, 0.3, 0.1], (60, 1)), (["nv", "mel", "bkl"] * 20), CODES)
    assert remarks(measure(table, resamples=40)) == {
        ("auroc", "malignant"): "at-chance",
        ("balanced_accuracy", None): "at-chance",
    }


def test_chance_is_of_the_classes_that_are_there() -> None:
    """Half of two classes' images answered right is a coin's work, though a third class could have been answered."""
    p = [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]]
    table = predictions(np.array([p[i % 4 > 1] for i in range(80)]), ["nv", "mel"] * 40, CODES)
    found = measure(table, resamples=200)
    assert "(1 / 2 classes)" in next(r.words for r in found.remarks if r.metric == "balanced_accuracy")


def test_without_an_interval_the_value_decides() -> None:
    table = predictions([[0.2, 0.8], [0.8, 0.2]] * 8, ["nv", "mel"] * 8, ["nv", "mel"])
    found = measure(table, resamples=40)
    assert found.find("auroc", "malignant").low is None  # type: ignore[union-attr]
    assert remarks(found)[("auroc", "malignant")] == "below-chance"


def test_too_few_to_measure_is_no_remark() -> None:
    assert measure(world(-3.0, n=9), resamples=40).find("auroc", "malignant").value is None  # type: ignore[union-attr]
    assert ("auroc", "malignant") not in remarks(measure(world(-3.0, n=9), resamples=40))


def test_the_command_and_the_comparison_say_it(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    bad, good = world(-2.0), world(2.0)
    bad.save(tmp_path / "bad.parquet")
    with pytest.raises(SystemExit) as end:
        main(["evaluate", str(tmp_path / "bad.parquet"), "--out", str(tmp_path / "out"), "--resamples", "40"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert "below chance (0.5). Likely causes:" in out
    assert Evidence.load(tmp_path / "out" / "evidence.json").remarks[0].code == "below-chance"
    notes = compare(good, bad, resamples=40).notes
    assert [n for n in notes if n.startswith("the second file: AUROC of malignant is 0.") and n.endswith(CAUSES)]
    assert not [n for n in notes if n.startswith("the first file")]
