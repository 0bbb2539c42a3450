"""The note that says what coverage is when each unit counts once, worked by hand."""

from __future__ import annotations

import numpy as np
import polars as pl

from cutis.evaluate.measure import measure
from cutis.schema.classes import ClassInfo
from cutis.schema.predictions import Predictions, PredictionsInfo


def test_coverage_of_units_is_in_the_notes():
    # Lesion a has three images, none covered; b and c one each, both covered: 2/5 of images, 2/3 of lesions.
    lesions = ["a", "a", "a", "b", "c"]
    sets = [["nv"], ["nv"], ["nv"], ["mel"], ["mel"]]
    table = pl.DataFrame(
        {
            "image_id": list("12345"),
            "lesion_id": lesions,
            "patient_id": pl.Series([None] * 5, dtype=pl.String),
            "source": ["s"] * 5,
            "target": ["mel"] * 5,
            "predicted": ["mel"] * 5,
            "p_mel": np.full(5, 0.6),
            "p_nv": np.full(5, 0.4),
            "set": sets,
            "ood": np.zeros(5),
            "status": ["ok"] * 5,
            "reason": pl.Series([None] * 5, dtype=pl.String),
        }
    )
    classes = (
        ClassInfo(code="mel", name="Melanoma", malignant=True),
        ClassInfo(code="nv", name="Nevus", malignant=False),
    )
    evidence = measure(Predictions(table, PredictionsInfo(classes=classes, coverage=0.9)), resamples=50)
    assert any("counted so, coverage is 0.667" in note for note in evidence.notes)
