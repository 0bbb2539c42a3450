"""Estimates, evidence files and the embeddings table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutis.errors import CutisError
from cutis.schema.classes import ClassInfo, codes
from cutis.schema.embeddings import embeddings_table
from cutis.schema.estimate import Estimate
from cutis.schema.evidence import Counts, Evidence, Measured
from cutis.schema.predictions import PredictionsInfo

number = st.floats(0, 1)


@given(number, number, number, st.integers(0, 99))
def test_estimate_to_measured_and_back(value: float, low: float, high: float, n: int) -> None:
    estimate = Estimate(value=value, low=low, high=high, n=n, n_units=n, unit="lesion")
    assert Measured(metric="accuracy", **estimate.to_dict()).estimate == estimate


def test_words_of_an_estimate() -> None:
    whole = Estimate(value=0.7123, low=0.68, high=0.741, n=9, n_units=9, unit="lesion")
    assert whole.format() == "0.712 (0.680-0.741)"
    assert whole.format(1) == "0.7 (0.7-0.7)"
    point = Estimate(value=0.5, low=None, high=None, n=6, n_units=6, unit="lesion", reason="only 6 lesions")
    assert point.format() == "0.500 (no interval: only 6 lesions)"
    missing = Estimate.missing("only 2 lesions; you need 3 more", n=2, n_units=2, unit="lesion")
    assert missing.format() == "not estimable: only 2 lesions; you need 3 more"
    assert (missing.value, missing.low, missing.high, missing.status) == (None, None, None, "not estimable")


def evidence() -> Evidence:
    measured = Measured(metric="accuracy", value=0.5, low=0.4, high=0.6, n=9, n_units=8, unit="lesion")
    group = measured.model_copy(update={"attribute": "sex", "group": "male", "value": 0.25})
    return Evidence(
        cutis="0",
        created="2026-01-01T00:00:00+00:00",
        predictions_file="p.parquet",
        predictions_sha256="0",
        info=PredictionsInfo(classes=(ClassInfo(code="nv", name="Nävus"),)),
        unit="lesion",
        level=0.95,
        resamples=100,
        seed=0,
        counts=Counts(rows=9, labelled=9, ok=9, refused=0, error=0, units=8),
        measured=[measured, group],
        roc=[],
        reliability=[],
        confusion=[[9]],
        mistakes=[],
    )


def test_evidence_round_trip(tmp_path: Path) -> None:
    made = evidence()
    assert Evidence.load(made.save(tmp_path / "evidence.json")) == made
    found = made.find("accuracy")
    assert found is not None
    assert found.value == 0.5
    male = made.find("accuracy", None, "sex", "male")
    assert male is not None
    assert male.value == 0.25
    assert made.find("accuracy", "nv") is None


def test_bad_evidence_files(tmp_path: Path) -> None:
    path = tmp_path / "evidence.json"
    with pytest.raises(CutisError, match="no such file"):
        Evidence.load(path)
    path.write_text("{")
    with pytest.raises(CutisError, match="not valid JSON"):
        Evidence.load(path)
    path.write_text(json.dumps({"format": 2}))
    with pytest.raises(CutisError, match=r"format 2 is newer than this Cutis reads \(1\)"):
        Evidence.load(path)
    content = evidence().model_dump(mode="json")
    content["counts"].pop("units")
    path.write_text(json.dumps(content))
    with pytest.raises(CutisError, match=r"not an evidence file \(counts\.units: Field required\)"):
        Evidence.load(path)


def test_evidence_holds_no_nan(tmp_path: Path) -> None:
    bad = evidence()
    bad.measured[0] = bad.measured[0].model_copy(update={"value": float("nan")})
    with pytest.raises(ValueError, match="JSON compliant"):
        bad.save(tmp_path / "evidence.json")
    assert list(tmp_path.iterdir()) == []


def test_codes() -> None:
    assert codes([ClassInfo(code="a", name="A"), ClassInfo(code="b", name="B")]) == ["a", "b"]


def test_embeddings() -> None:
    table = embeddings_table(["a", "b"], np.arange(6.0).reshape(2, 3))
    assert table.schema == {"image_id": pl.String(), "vector": pl.Array(pl.Float32(), 3)}
    assert table["vector"].to_numpy().tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("ids", "vectors", "words"),
    [
        (["a"], np.zeros((2, 3)), r"1 image ids but vectors of shape \(2, 3\)"),
        (["a"], np.zeros(3), r"of shape \(3,\)"),
        (["a", "b"], np.array([[0.0], [np.inf]]), 'the vector of image "b" is not finite'),
        (["a", "a"], np.zeros((2, 3)), 'image_id "a" is in rows 1, 2'),
    ],
)
def test_bad_embeddings(ids: list[str], vectors: np.ndarray, words: str) -> None:
    with pytest.raises(CutisError, match=words):
        embeddings_table(ids, vectors)


def test_an_error_is_one_line_whatever_it_shows() -> None:
    from cutis.errors import CutisError

    assert str(CutisError('row 1: "a\nb\r\nc\u2028d" is no class')) == 'row 1: "a b c d" is no class'
