"""Predictions files: what comes back, and what is refused with which words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutis.errors import CutisError
from cutis.schema.classes import ClassInfo
from cutis.schema.predictions import Predictions, PredictionsInfo, check_predictions, with_age_band

INFO = PredictionsInfo(
    classes=(
        ClassInfo(code="nv", name="Nevus", malignant=False),
        ClassInfo(code="mel", name="Melanoma", malignant=True),
    ),
    operating_points={"high": {"threshold": 0.2}},
    limits=("Only dermoscopy.",),
)


def table(**columns: Any) -> pl.DataFrame:
    base: dict[str, Any] = {
        "image_id": ["a", "b", "c"],
        "lesion_id": ["l", "l", None],
        "patient_id": pl.Series([None] * 3, dtype=pl.String),
        "source": ["here"] * 3,
        "target": ["nv", "mel", None],
        "predicted": ["nv", "nv", None],
        "p_nv": [0.9, 0.6, None],
        "p_mel": [0.1, 0.4, None],
        "set": [["nv"], ["nv", "mel"], None],
        "ood": [0.1, 0.2, None],
        "status": ["ok", "refused", "error"],
        "reason": ["", "strange", "truncated"],
        "sex": ["male", None, None],
    }
    return pl.DataFrame(base | columns)


def test_round_trip(tmp_path: Path) -> None:
    made = Predictions(table(), INFO)
    read = Predictions.load(made.save(tmp_path / "häut bilder.parquet"))
    assert read.table.equals(made.table)
    assert read.info == INFO
    assert read.codes == ["nv", "mel"]
    assert read.answered.table["image_id"].to_list() == ["a", "b"]
    assert np.array_equal(read.answered.probabilities(), [[0.9, 0.1], [0.6, 0.4]])
    assert read.attributes() == ["sex", "source"]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"p_nv": [0.9, 0.5, None]}, r"row 2: probabilities sum to 0\.9000, not 1"),
        ({"p_nv": [0.9, float("nan"), None]}, "row 2: p_nv is nan"),
        ({"p_nv": [0.9, None, None]}, "row 2: p_nv is nan"),
        ({"p_nv": [0.9, float("inf"), None]}, "row 2: p_nv is inf"),
        ({"p_nv": [1.2, 0.6, None], "p_mel": [-0.2, 0.4, None]}, "row 1: p_nv is 1.2"),
        ({"p_nv": ["high", "low", None]}, "column p_nv is String; expected Float64"),
        ({"set": ["nv", "mel", None]}, r"column set is String; expected List\(String\)"),
        ({"set": [["nv"], ["nv", "mell"], None]}, 'row 2: set holds "mell": did you mean "mel"'),
        ({"target": ["nv", "mell", None]}, 'row 2: target "mell": did you mean "mel"'),
        ({"predicted": ["nv", "x", None]}, 'row 2: predicted "x": valid: nv, mel'),
        ({"status": ["ok", "fine", "error"]}, 'row 2: status "fine"'),
        ({"image_id": ["a", "a", "b"]}, 'image_id "a" is in rows 1, 2'),
        ({"patient_id": ["p", "q", None]}, 'lesion_id "l" belongs to 2 patients'),
    ],
)
def test_refused_in_memory_and_from_a_file(tmp_path: Path, columns: dict[str, Any], words: str) -> None:
    bad = table(**columns)
    with pytest.raises(CutisError, match=words) as caught:
        check_predictions(bad, INFO, "here")
    assert "\n" not in str(caught.value)
    path = Predictions(bad, INFO).save(tmp_path / "p.parquet")
    with pytest.raises(CutisError, match=words):
        Predictions.load(path)


@pytest.mark.parametrize("column", ["image_id", "lesion_id", "target", "p_mel", "set", "ood", "status", "reason"])
def test_every_column_is_needed(column: str) -> None:
    with pytest.raises(CutisError, match=f"here: no column {column}:"):
        check_predictions(table().drop(column), INFO, "here")


def test_ids_that_are_numbers_become_text() -> None:
    found = check_predictions(table(image_id=[1, 2, 3], lesion_id=[7, 7, None]), INFO, "t")
    assert found["image_id"].to_list() == ["1", "2", "3"]
    assert found["lesion_id"].to_list() == ["7", "7", None]


@settings(deadline=None)
@given(st.floats(-2e-3, 2e-3))
def test_tolerance_of_the_sum(off: float) -> None:
    rows = table(p_nv=[0.9 + off, 0.6, None])
    if abs(off) < 0.99e-3:
        check_predictions(rows, INFO, "t")
    elif abs(off) > 1.01e-3:
        with pytest.raises(CutisError, match="sum to"):
            check_predictions(rows, INFO, "t")


def test_files_that_are_not_predictions(tmp_path: Path) -> None:
    with pytest.raises(CutisError, match="no such predictions file"):
        Predictions.load(tmp_path / "absent.parquet")
    (tmp_path / "text.parquet").write_text("image_id,target\n")
    with pytest.raises(CutisError, match="not a Parquet file, or damaged"):
        Predictions.load(tmp_path / "text.parquet")
    table().write_parquet(tmp_path / "bare.parquet")
    with pytest.raises(CutisError, match="without Cutis metadata"):
        Predictions.load(tmp_path / "bare.parquet")
    whole = Predictions(table(), INFO).save(tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CutisError, match="not a Parquet file, or damaged"):
        Predictions.load(tmp_path / "cut.parquet")


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (json.dumps({"format": 99}), r"format 99 is newer than this Cutis reads \(1\)"),
        ("{", "metadata is damaged"),
        ("[]", "metadata is damaged"),
        (json.dumps({"format": 1}), "metadata is damaged"),
    ],
)
def test_metadata(tmp_path: Path, metadata: str, words: str) -> None:
    arrow = table().to_arrow().replace_schema_metadata({b"cutis": metadata.encode()})
    pq.write_table(arrow, tmp_path / "p.parquet")
    with pytest.raises(CutisError, match=words):
        Predictions.load(tmp_path / "p.parquet")


def test_age_bands() -> None:
    ages = pl.DataFrame({"age_approx": [0, 29, 30, 49, 50, 69, 70, 85, None]})
    bands = with_age_band(ages)["age_band"].to_list()
    assert bands == ["<30", "<30", "30-49", "30-49", "50-69", "50-69", ">=70", ">=70", None]
    given_bands = ages.with_columns(age_band=pl.lit("old"))
    assert with_age_band(given_bands).equals(given_bands)
    assert with_age_band(pl.DataFrame({"sex": ["male"]})).columns == ["sex"]
