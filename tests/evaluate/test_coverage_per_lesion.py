"""Coverage of images, and of lesions each counting once, worked by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from cutis.evaluate.measure import measure
from cutis.schema.classes import ClassInfo
from cutis.schema.evidence import Evidence
from cutis.schema.predictions import Predictions, PredictionsInfo

CLASSES = (
    ClassInfo(code="mel", name="Melanoma", malignant=True),
    ClassInfo(code="nv", name="Nevus", malignant=False),
)


def measured(
    lesions: Sequence[str | None], covered: Sequence[bool], patients: Sequence[str | None] | None = None
) -> Evidence:
    n = len(lesions)
    table = pl.DataFrame(
        {
            "image_id": [f"{i:03}" for i in range(n)],
            "lesion_id": pl.Series(lesions, dtype=pl.String),
            "patient_id": pl.Series(patients or [None] * n, dtype=pl.String),
            "source": ["s"] * n,
            "target": ["mel"] * n,
            "predicted": ["mel"] * n,
            "p_mel": np.full(n, 0.6),
            "p_nv": np.full(n, 0.4),
            "set": [["mel"] if inside else ["nv"] for inside in covered],
            "ood": np.zeros(n),
            "status": ["ok"] * n,
            "reason": pl.Series([None] * n, dtype=pl.String),
        }
    )
    return measure(Predictions(table, PredictionsInfo(classes=CLASSES, coverage=0.9)), resamples=50)


def values(evidence: Evidence) -> tuple[float | None, float | None]:
    found = [evidence.find(name) for name in ("coverage", "coverage_per_lesion")]
    return tuple(m.value if m else None for m in found)  # type: ignore[return-value]


def test_images_and_lesions_by_hand():
    """Lesion a has three images, one covered; five others one each, all covered: 6 of 8, and (1/3 + 5) / 6."""
    assert values(measured([*"aaabcdef"], [True, False, False, *[True] * 5])) == (
        pytest.approx(6 / 8),
        pytest.approx((1 / 3 + 5) / 6),
    )


def test_lesions_are_counted_where_patients_are_the_unit():
    """One patient has lesions a (two images) and b; each of the others one: patients are resampled, lesions counted."""
    evidence = measured([*"aabcdef"], [False, False, *[True] * 5], ["1", "1", "1", "2", "3", "4", "5"])
    assert values(evidence) == (pytest.approx(5 / 7), pytest.approx(5 / 6))
    assert evidence.find("coverage_per_lesion").n_units == 5  # type: ignore[union-attr]


def test_an_image_of_no_known_lesion_is_one_of_its_own():
    assert values(measured(["a", "a", None, None, "b", "c", "d"], [False] * 2 + [True] * 5))[1] == pytest.approx(5 / 6)


def test_one_image_each_needs_no_second_number():
    assert values(measured([*"abcdef"], [True] * 6)) == (1.0, None)
    assert values(measured([None] * 6, [True] * 6)) == (1.0, None)
