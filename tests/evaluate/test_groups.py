"""Groups: names, order, the unknown, and numbers equal to those of the rows alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from evaluate_world import predictions, random_world

from cutis.evaluate.measure import measure
from cutis.schema.evidence import Evidence

KEY = {
    "accuracy",
    "accuracy_kept",
    "refused",
    "balanced_accuracy",
    "macro_auroc",
    "brier",
    "aurc",
    "ece",
    "coverage",
    "set_size",
    "empty_sets",
}


def names(evidence: Evidence, attribute: str) -> list[str | None]:
    return list(dict.fromkeys(m.group for m in evidence.measured if m.attribute == attribute))


def test_every_attribute_present_and_the_unknown_last() -> None:
    found = measure(random_world(0), resamples=60)
    assert {m.attribute for m in found.measured} == {None, "sex", "fitzpatrick_skin_type", "source"}
    assert names(found, "fitzpatrick_skin_type") == ["I", "II", "III", "IV", "V", "VI", "unknown"]
    assert names(found, "sex") == ["male", "female"]
    overall = found.find("accuracy")
    parts = [found.find("accuracy", None, "fitzpatrick_skin_type", g) for g in names(found, "fitzpatrick_skin_type")]
    assert overall is not None
    assert sum(p.n for p in parts if p) == overall.n


def test_group_without_rows_keeps_its_name_and_says_what_is_missing() -> None:
    found = measure(random_world(0), resamples=60)
    empty = [m for m in found.measured if m.group == "V"]
    assert {m.metric for m in empty if m.class_code is None} == KEY
    assert all(m.value is None and m.n == 0 and m.status == "not estimable" for m in empty)
    accuracy = found.find("accuracy", None, "fitzpatrick_skin_type", "V")
    assert accuracy is not None
    assert accuracy.reason == "only 0 lesions; you need 5 more"


def test_a_group_has_the_numbers_of_its_rows_alone() -> None:
    world = random_world(1)
    found = measure(world, resamples=60)
    alone = measure(replace(world, table=world.table.filter(pl.col("sex") == "male")), resamples=60)
    for m in found.measured:
        if (m.attribute, m.group) == ("sex", "male"):
            twin = alone.find(m.metric, m.class_code)
            assert twin is not None
            assert (m.n, m.reason) == (twin.n, twin.reason)
            # Summed in another order among more columns.
            assert (m.value, m.low, m.high) == pytest.approx((twin.value, twin.low, twin.high), rel=1e-12, abs=1e-12)


def test_age_bands_from_ages() -> None:
    ages = [0, 29, 30, 49, 50, 69, 70, 85, None]
    table = predictions(np.full((9, 2), 0.5), ["nv"] * 9, ["nv", "mel"], age_approx=ages)
    found = measure(table, by=["age_band"], resamples=40)
    sizes = {g: found.find("accuracy", None, "age_band", g) for g in names(found, "age_band")}
    assert {g: m.n for g, m in sizes.items() if m} == {"<30": 2, "30-49": 2, "50-69": 2, ">=70": 2, "unknown": 1}


def test_by_replaces_the_attributes_and_crosses_them() -> None:
    found = measure(random_world(0), by=["sex*fitzpatrick_skin_type", "status"], resamples=40)
    assert {m.attribute for m in found.measured} == {None, "sex*fitzpatrick_skin_type", "status"}
    assert names(found, "sex*fitzpatrick_skin_type") == [
        f"{s}, {t}" for s in ("female", "male") for t in ("I", "II", "VI", "unknown")
    ]
    assert names(found, "status") == ["ok", "refused"]
    assert measure(random_world(0), by="sex", resamples=40).find("accuracy", None, "sex", "male") is not None
    assert {m.attribute for m in measure(random_world(0), by=[], resamples=40).measured} == {None}


def test_column_of_many_values_is_left_out_with_a_note() -> None:
    world = random_world(0)
    table = world.table.with_columns(anatom_site_1=pl.col("image_id"))
    found = measure(replace(world, table=table), resamples=40)
    assert names(found, "anatom_site_1") == []
    assert any(note.startswith("Not grouped by anatom_site_1: ") for note in found.notes)


def test_tone_that_is_not_recorded_is_said() -> None:
    world = random_world(0)
    assert not any("Skin tone" in note for note in measure(world, resamples=40).notes)
    bare = replace(world, table=world.table.drop("fitzpatrick_skin_type"))
    assert any("Skin tone is not recorded" in note for note in measure(bare, resamples=40).notes)


def test_groups_of_one() -> None:
    world = random_world(0, n=30, units=30)
    table = world.table.with_columns(ward=pl.col("image_id"))
    found = measure(replace(world, table=table), by=["ward"], resamples=40)
    assert len(names(found, "ward")) == 30
    assert all(m.value is None for m in found.measured if m.attribute == "ward")
