"""Ages, sexes, tones and sites of other systems' tables are read as everywhere; what can't be is counted and told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from evaluate_world import predictions, random_world

from cutis.cli import main
from cutis.evaluate.compare import compare
from cutis.evaluate.groups import find_groups
from cutis.evaluate.masks import evaluate_masks
from cutis.evaluate.measure import measure
from cutis.evaluate.reading import read_predictions

N = 12


def table(**columns: list[object]) -> pl.DataFrame:
    target = ["nv", "mel"] * (N // 2)
    p = np.linspace(0.1, 0.9, N)
    return pl.DataFrame(
        {"image_id": [f"i{k}" for k in range(N)], "target": target, "p_mel": p, "p_nv": 1 - p, **columns}
    )


def groups(path: Path, attribute: str) -> dict[str, int]:
    found = measure(path, by=[attribute], resamples=40)
    return {str(m.group): m.n for m in found.measured if m.metric == "accuracy" and m.attribute and m.n}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("column", "cells", "attribute", "found", "told"),
    [
        (
            "age",
            ["-1", "999", "1975", "0", "45", "NaN", "85+", "45 y", "45,5", "062Y", "60-65", ">85"],
            "age_band",
            {"<30": 1, "30-49": 3, "50-69": 1, ">=70": 2, "unknown": 5},
            "age_approx: 4 of 12 cells could not be read as years (-1, 1975, 60-65): unknown.",
        ),
        (
            "gender",
            ["F", "M", "", "unknown", "n/a", "W", "male", "Female", "weiblich", "d", "O", "1"],
            "sex",
            {"male": 2, "female": 4, "unknown": 6},
            "sex: 3 of 12 cells could not be read as male or female (1, O, d): unknown.",
        ),
        (
            "skin_type",
            ["Type III", "3.0", "III-IV", "0", "4 ", "iv", "-1", "FST 2", "VI", "", "nan", "7"],
            "fitzpatrick_skin_type",
            {"II": 1, "III": 2, "IV": 2, "VI": 1, "unknown": 6},
            "fitzpatrick_skin_type: 4 of 12 cells could not be read as a Fitzpatrick type I to VI (-1, 0, 7): unknown.",
        ),
        (
            "localization",
            ["back", "abdomen", "Face", "acral", "", "middle", "lower_extremity", *["trunk"] * 5],
            "anatom_site_1",
            {"Trunk": 7, "Head and neck": 1, "Lower extremity": 1, "unknown": 3},
            "anatom_site: 1 of 12 cells could not be read as a site of the ISIC vocabulary (middle): unknown.",
        ),
    ],
)
def test_groups_hold_what_was_read_and_the_rest_is_told(
    tmp_path: Path, suffix: str, column: str, cells: list[object], attribute: str, found: dict[str, int], told: str
) -> None:
    path = tmp_path / f"p.{suffix}"
    made = table(**{column: cells})
    made.write_parquet(path) if suffix == "parquet" else made.write_csv(path)
    assert groups(path, attribute) == found
    read = read_predictions(path)
    assert told in read.info.notes
    assert told in [r.words for r in read.info.remarks if r.code == "unread"]
    evidence = measure(path, resamples=40)
    assert told in evidence.notes
    assert evidence.notes.count(told) == 1


def test_numbers_of_a_parquet_file(tmp_path: Path) -> None:
    ages = [-1.0, 999.0, 1975.0, float("nan"), None, 29.9, 30, 49, 50, 69, 70, 120]
    table(age_approx=ages).write_parquet(tmp_path / "p.parquet")
    counts = {"<30": 1, "30-49": 2, "50-69": 2, ">=70": 2, "unknown": 5}
    assert groups(tmp_path / "p.parquet", "age_band") == counts
    # The same numbers in a table of Cutis's own form, which no reader of foreign files has seen.
    world = predictions(np.full((N, 2), 0.5), ["nv", "mel"] * 6, ["nv", "mel"], age_approx=ages)
    found, notes = find_groups(world.table, ["age_band"], "p")
    assert {g.name: int(g.rows.sum()) for g in found} == counts
    assert notes == ["age_approx: 3 of 12 cells could not be read as years (-1, 1975, 999): unknown."]


def test_a_name_that_spans_regions_is_no_region_and_told(tmp_path: Path) -> None:
    table(site=["acral", "palms/soles", "back"] * 4).write_csv(tmp_path / "p.csv")
    assert groups(tmp_path / "p.csv", "anatom_site_1") == {"Trunk": 4, "unknown": 8}
    told = "anatom_site_1: 8 of 12 cells name no one region (acral NOS, acral palms or soles): unknown."
    assert told in read_predictions(tmp_path / "p.csv").info.notes


def test_a_site_can_still_be_grouped_by_in_its_own_words(tmp_path: Path) -> None:
    table(site=["Rücken", "Arm"] * 6).write_csv(tmp_path / "p.csv")
    assert groups(tmp_path / "p.csv", "site") == {"Rücken": 6, "Arm": 6}


def test_bands_of_age_are_spelt_as_ours_where_they_are(tmp_path: Path) -> None:
    bands = ["< 30", "30–49", "50-69", "≥70", "70+", ">=70", "18-25", "", "<30", "30 - 49", "old", "50 – 69"]
    table(age_band=bands).write_csv(tmp_path / "p.csv")
    assert groups(tmp_path / "p.csv", "age_band") == {
        **{"<30": 2, "30-49": 2, "50-69": 2, ">=70": 3, "18-25": 1, "old": 1, "unknown": 1}
    }


def test_the_command_tells_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table(age=["999", "45"] * 6).write_csv(tmp_path / "p.csv")
    with pytest.raises(SystemExit) as end:
        main(["evaluate", str(tmp_path / "p.csv"), "--out", str(tmp_path / "out"), "--resamples", "40"])
    assert end.value.code == 0
    assert "note: age_approx: 6 of 12 cells could not be read as years (999): unknown." in capsys.readouterr().out
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "6 of 12 cells could not be read as years (999): unknown" in page


def test_comparisons_and_masks_tell_it_too(tmp_path: Path) -> None:
    table(age=["999", "45"] * 6).write_csv(tmp_path / "p.csv")
    told = "age_approx: 6 of 12 cells could not be read as years (999): unknown."
    assert told in compare(tmp_path / "p.csv", tmp_path / "p.csv", resamples=40).notes
    masks = [np.eye(8, dtype=bool)] * N
    manifest = table(age=["999", "45"] * 6, sex=["m", "?"] * 6).select("image_id", "age", "sex")
    manifest.write_csv(tmp_path / "m.csv")
    for given in (manifest, tmp_path / "m.csv"):
        found = evaluate_masks(masks, masks, given, resamples=40)
        assert told in found.evidence.notes
        named = {(m.attribute, m.group): m.n for m in found.measured if m.metric == "jaccard" and m.n}
        assert named[("age_band", "30-49")] == named[("age_band", "unknown")] == named[("sex", "male")] == 6


def test_what_is_cutis_own_has_nothing_to_tell() -> None:
    found = measure(random_world(0, n=60, units=40), resamples=40)
    assert not [r for r in found.remarks if r.code == "unread"]
