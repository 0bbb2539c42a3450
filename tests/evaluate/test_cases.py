"""Several photographs put together, worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from evaluate_world import predictions, random_world

from cutis.errors import CutisError
from cutis.evaluate.cases import per_case
from cutis.evaluate.measure import measure
from cutis.schema.predictions import check_predictions

P = [[0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4], [0.1, 0.9]]
WORLD = predictions(
    P,
    ["nv", "nv", "mel", "mel", "nv", "nv"],
    ["nv", "mel"],
    lesion=["a", "a", "b", None, "c", "c"],
    sex=["male", "male", "female", None, "male", "female"],
    status=["ok", "ok", "ok", "ok", "ok", "refused"],
)


@pytest.mark.parametrize(
    ("how", "of_a"),
    [
        ("mean", [0.7, 0.3]),
        ("max", [0.9 / 1.4, 0.5 / 1.4]),
        ("noisy-or", [0.95 / 1.5, 0.55 / 1.5]),  # 1 - 0.1 * 0.5 and 1 - 0.9 * 0.5
    ],
)
def test_a_lesion_by_its_photographs(how: str, of_a: list[float]) -> None:
    made = per_case(WORLD, "lesion", how)  # type: ignore[arg-type]
    rows = {r["image_id"]: r for r in made.table.iter_rows(named=True)}
    assert list(rows) == ["image i00003", "lesion a", "lesion b", "lesion c"]
    assert [rows["lesion a"]["p_nv"], rows["lesion a"]["p_mel"]] == pytest.approx(of_a)
    assert rows["image i00003"]["p_mel"] == pytest.approx(0.7)  # without an id it stays alone
    assert rows["lesion c"]["p_nv"] == pytest.approx(0.6)  # the refused photograph doesn't count beside one that is ok
    assert (rows["lesion a"]["sex"], rows["lesion c"]["sex"]) == ("male", None)
    assert (rows["lesion a"]["target"], rows["lesion b"]["predicted"]) == ("nv", "mel")
    check_predictions(made.table, made.info, "made")
    assert "6 photographs in 4 rows" in made.info.notes[0]


def test_order_of_photographs_changes_nothing() -> None:
    shuffled = replace(WORLD, table=WORLD.table[[5, 2, 0, 4, 1, 3]])
    assert per_case(WORLD, "lesion").table.equals(per_case(shuffled, "lesion").table)


def test_unreadable_photographs() -> None:
    world = predictions(
        [[0.9, 0.1]] * 3,
        ["nv"] * 3,
        ["nv", "mel"],
        lesion=["a", "a", "b"],
        status=["error", "ok", "error"],
        predicted=[None, "nv", None],
    )
    rows = {r["image_id"]: r for r in per_case(world, "lesion").table.iter_rows(named=True)}
    assert (rows["lesion a"]["status"], rows["lesion a"]["p_nv"]) == ("ok", 0.9)
    assert (rows["lesion b"]["status"], rows["lesion b"]["p_nv"], rows["lesion b"]["predicted"]) == (
        "error",
        None,
        None,
    )


def test_a_patient_with_one_malignancy_is_malignant_and_with_two_diagnoses_is_refused() -> None:
    codes = ["nv", "bkl", "mel", "bcc"]
    p = np.full((3, 4), 0.25)
    made = per_case(predictions(p, ["nv", "mel", "bkl"], codes, patient=["p"] * 3), "patient")
    assert made.table["target"].to_list() == ["mel"]
    for targets in (["nv", "bkl", "nv"], ["mel", "bcc", "nv"]):
        with pytest.raises(CutisError, match="patient p: its photographs have the targets") as caught:
            per_case(predictions(p, targets, codes, patient=["p"] * 3), "patient")
        assert "per case or lesion" in str(caught.value)


def test_requests_that_cannot_be() -> None:
    with pytest.raises(CutisError, match="no row has a patient_id"):
        per_case(WORLD, "patient")
    with pytest.raises(CutisError, match='per "lesions": did you mean "lesion"'):
        per_case(WORLD, "lesions")  # type: ignore[arg-type]
    with pytest.raises(CutisError, match='combine "median"'):
        measure(WORLD, combine="median")  # type: ignore[arg-type]


def test_measured_per_lesion_counts_lesions() -> None:
    found = measure(random_world(0), resamples=40, per="lesion")
    accuracy = found.find("accuracy")
    assert accuracy is not None
    assert accuracy.n == accuracy.n_units == random_world(0).table["lesion_id"].n_unique()
    assert any(note.startswith("Each row is a lesion") for note in found.notes)
    assert found.find("coverage") is None


def test_differential_of_a_case_stays() -> None:
    entry = [{"diagnosis": "nv", "weight": 1.0}]
    world = replace(WORLD, table=WORLD.table.with_columns(differential=pl.Series([entry] + [None] * 5)))
    made = per_case(world, "lesion").table
    assert made.filter(pl.col("image_id") == "lesion a")["differential"].to_list() == [entry]
