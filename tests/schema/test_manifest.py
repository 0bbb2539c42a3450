"""The manifest: typed, in order, and true."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from cutis.errors import CutisError
from cutis.schema.manifest import MANIFEST, REQUIRED, conform


def rows(**columns: Any) -> pl.DataFrame:
    n = max((len(v) for v in columns.values() if isinstance(v, list)), default=2)
    base: dict[str, Any] = {
        "image_id": [f"i{k}" for k in range(n)],
        "file": [f"images/{k}.jpg" for k in range(n)],
        "status": ["ok"] * n,
        "target": ["nv"] * n,
    }
    return pl.DataFrame(base | columns)


def test_missing_columns_are_null_and_extras_stay_behind() -> None:
    found = conform(rows(my_note=["x", "y"], age_approx=[50.0, None]), "t")
    assert found.columns == [*MANIFEST, "my_note"]
    assert dict(zip(found.columns, found.dtypes, strict=True)).items() >= MANIFEST.items()
    assert found["sex"].null_count() == 2
    assert found["age_approx"].to_list() == [50, None]
    assert conform(found, "t").equals(found)


@pytest.mark.parametrize("column", REQUIRED)
def test_required_columns(column: str) -> None:
    with pytest.raises(CutisError, match=f"here: no column {column}; found"):
        conform(rows().drop(column), "here")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"sex": ["male", "femal"]}, 'row 2: sex "femal": did you mean "female"'),
        ({"fitzpatrick_skin_type": ["II", "7"]}, 'row 2: fitzpatrick_skin_type "7": valid: I, II'),
        ({"status": ["ok", "fine"]}, 'row 2: status "fine"'),
        ({"age_approx": [10, 90]}, r"row 2: age_approx 90 is not in 0\.\.85"),
        ({"age_approx": [10, -1]}, "row 2: age_approx -1"),
        ({"age_approx": ["10", "old"]}, "column age_approx holds values that are not Int16"),
        ({"file": ["a.jpg", None]}, 'image "i1" is ok but has no file'),
        ({"image_id": ["a", "a"]}, 'image_id "a" is in rows 1, 2'),
        ({"lesion_id": ["l", "l"], "patient_id": ["p", "q"]}, 'lesion_id "l" belongs to 2 patients'),
    ],
)
def test_what_cannot_be_true(columns: dict[str, Any], words: str) -> None:
    with pytest.raises(CutisError, match=words) as caught:
        conform(rows(**columns), "here")
    assert str(caught.value).startswith("here: ") or "image_id" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_error_row_needs_no_file() -> None:
    found = conform(rows(status=["ok", "error"], file=["a.jpg", None], reason=[None, "truncated"]), "t")
    assert found["status"].to_list() == ["ok", "error"]


def test_limits_of_age_are_allowed() -> None:
    assert conform(rows(age_approx=[0, 85]), "t")["age_approx"].to_list() == [0, 85]
