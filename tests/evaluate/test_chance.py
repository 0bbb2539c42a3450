"""A model that isn't shown to be better than chance is said not to be, with what usually causes it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from evaluate_world import predictions

from cutis.cli import main
from cutis.evaluate.compare import compare
from cutis.evaluate.measure import measure
from cutis.schema.evidence import Evidence
from cutis.schema.predictions import Predictions
from cutis.schema.remarks import CAUSES

CODES = ["nv", "mel", "bkl"]


def world(skill: float, n: int = 150, codes: list[str] | None = None, seed: int = 0) -> Predictions:
    """skill: how much higher the true class's score is; 0 knows nothing, below 0 is upside down."""
    codes = codes or CODES
    rng = np.random.default_rng(seed)
    target = np.arange(n) % len(codes)
    p = np.exp(rng.normal(size=(n, len(codes))) + skill * (np.arange(len(codes)) == target[:, None]))
    return predictions(p / p.sum(1, keepdims=True), [codes[k] for k in target], codes)


def remarks(found: Evidence) -> list[tuple[str, str]]:
    return [(r.code, r.about) for r in found.remarks]


BOTH = ("balanced_accuracy", "auroc")


def test_a_good_model_has_no_remark() -> None:
    assert measure(world(2.0), resamples=200).remarks == []


def test_a_perfect_model_is_not_one_of_too_few_images() -> None:
    p = np.array([[0.9, 0.1], [0.2, 0.8]] * 12)
    table = predictions(p, ["nv", "mel"] * 12, ["nv", "mel"])
    found = measure(table, resamples=40)
    assert found.find("auroc", "malignant").low is None  # type: ignore[union-attr]
    assert found.remarks == []
    wrong = predictions(1 - p, ["nv", "mel"] * 12, ["nv", "mel"])
    assert remarks(measure(wrong, resamples=40)) == [("below chance", about) for about in BOTH]
    few = measure(Predictions(table.table[:14], table.info), resamples=40)  # seven of each
    assert remarks(few) == [("chance unknown", "balanced_accuracy")]


def test_a_model_that_knows_nothing_is_at_chance() -> None:
    assert remarks(measure(world(0.0), resamples=200)) == [("at chance", about) for about in BOTH]


def test_an_upside_down_model_is_below_chance_and_its_causes_are_said_once() -> None:
    found = measure(world(-2.0), resamples=200)
    assert remarks(found) == [("below chance", about) for about in (*BOTH, "auroc")]
    assert sum(r.words.count(CAUSES) for r in found.remarks) == 1
    assert found.remarks[0].words.endswith(CAUSES)
    assert "higher scores of nv (0." in found.remarks[-1].words


def test_an_auroc_below_a_half_has_its_causes_even_where_chance_explains_it() -> None:
    table = predictions([[0.5, 0.5], [0.4, 0.6], [0.6, 0.4]] * 8, ["nv", "nv", "mel"] * 8, ["nv", "mel"])
    found = measure(table, resamples=200)
    assert found.find("auroc", "malignant").value < 0.5  # type: ignore[union-attr, operator]
    assert sum(r.words.count(CAUSES) for r in found.remarks) == 1


def test_a_group_that_is_upside_down_is_named() -> None:
    good, bad = world(2.0, n=90), world(-2.0, n=90, seed=1)
    table = pl.concat([good.table, bad.table.with_columns(image_id="b" + pl.col("image_id"), source=pl.lit("there"))])
    table = table.with_columns(lesion_id=pl.col("image_id"))
    found = measure(Predictions(table, good.info), by=["source"], resamples=200)
    words = next(r.words for r in found.remarks if "in groups" in r.words)
    assert words.startswith("Worse than chance in groups: AUROC of malignant of source there (0.")


def test_of_two_labels_the_one_that_is_upside_down_is_named() -> None:
    rng = np.random.default_rng(0)
    y = rng.random((80, 2)) < 0.5
    p = np.column_stack([0.1 + 0.8 * y[:, 0], 0.9 - 0.8 * y[:, 1]])
    labels = [[c for c, held in zip("xy", row, strict=True) if held] for row in y]
    table = predictions(p, [None] * 80, ["x", "y"], labels=labels)
    info = table.info.model_copy(update={"task": "multi-label"})
    found = measure(Predictions(table.table.with_columns(predicted=pl.lit(None, pl.String)), info), resamples=40)
    assert any(r.code == "below chance" and "higher scores of y (0.00)" in r.words for r in found.remarks)


def test_a_constant_answer_is_no_better_than_chance() -> None:
    table = predictions(np.tile([0.6, 0.3, 0.1], (60, 1)), (["nv", "mel", "bkl"] * 20), CODES)
    assert [r.about for r in measure(table, resamples=40).remarks] == list(BOTH)


def test_without_an_interval_the_causes_are_said_all_the_same() -> None:
    table = predictions([[0.2, 0.8], [0.8, 0.2]] * 8, ["nv", "mel"] * 8, ["nv", "mel"])
    found = measure(table, resamples=40)
    assert found.find("auroc", "malignant").low is None  # type: ignore[union-attr]
    assert remarks(found) == [("chance unknown", "balanced_accuracy"), ("below chance", "auroc")]
    assert found.remarks[1].words.endswith(CAUSES)


def test_the_command_and_the_comparison_say_it(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    bad, good = world(-2.0), world(2.0)
    bad.save(tmp_path / "bad.parquet")
    with pytest.raises(SystemExit) as end:
        main(["evaluate", str(tmp_path / "bad.parquet"), "--out", str(tmp_path / "out"), "--resamples", "40"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert "warning: Worse than chance: balanced accuracy" in out
    assert out.count(CAUSES) == 1
    assert CAUSES in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    notes = compare(good, bad, resamples=40).notes
    assert [n for n in notes if n.startswith("the second file: AUROC of malignant is 0.") and n.endswith(CAUSES)]
    assert not [n for n in notes if n.startswith("the first file")]
