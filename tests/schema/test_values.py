"""Cells as people write them: what can be read is read alike for every table, and the rest is unknown and counted."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutis.schema import values
from cutis.schema.vocabulary import FITZPATRICK, MAX_AGE

READ = {
    45: "45|45.0|45,5|45Y|045Y|45y|45 years|45 years old|45 yo|45 y.o.|45 Jahre|045YR|\u200b45|45\u00a0y|４５",
    1: "18M|018M|18 months|23 mos|1|60W|1,9|400 days",
    0: "0|3D|10W|52W|<1|<1 year|000Y|0.4|6 Monate",
    3: "045M|3.99",
    85: "85+|>85|>=90|≥85|over 90|86-90|90 - 95 years|130|85",
}
NO_AGE = "-1|999|1975|131|60-65|60–65|80+|<30|>50|45M|45F|forty|1e2|inf|12.03.1975|1975-03-12|45Y6M|~45|45/46|30s|45+5"
AGES = [(cell, age) for age, cells in {**READ, None: NO_AGE}.items() for cell in cells.split("|")]


@pytest.mark.parametrize(("cell", "age"), AGES)
def test_ages(cell: str, age: int | None) -> None:
    assert values.years(cell) == age


@pytest.mark.parametrize(
    ("read", "cells", "found"),
    [
        (values.sex, "m|M|Male|MALE |männlich|Mann|man|hombre", "male"),
        (values.sex, "f|F|female|Female|w|W|weiblich|Frau|woman|mujer|Ｆ", "female"),
        (values.sex, "O|other|d|divers|x|0|1|2|femal|Jane|m/f", None),
        (
            values.skin_type,
            "III|iii|3|3.0|Type III|type-3|FST 3|FSTIII|Typ 3|Fitzpatrick type III|phototype III|Ⅲ",
            "III",
        ),
        (values.skin_type, "4 |iv|4,0|skin type: IV", "IV"),
        (values.skin_type, "III-IV|III/IV|0|-1|7|VII|3.5|IIII|dark|3-4", None),
        (values.monk_tone, "5|05|5.0|MST 5|Monk-5", 5),
        (values.monk_tone, "0|11|5.5|-1|medium|4-5", None),
    ],
)
def test_other_attributes(read: object, cells: str, found: str | None) -> None:
    assert {c: read(c) for c in cells.split("|")} == dict.fromkeys(cells.split("|"), found)  # type: ignore[operator]


@pytest.mark.parametrize(
    "cell", ["", " ", "unknown", "N/A", "nan", "NaN", "None", "null", "-", "?", "#N/A", "missing", None]
)
@pytest.mark.parametrize("column", values.READ)
def test_what_says_nothing_is_unknown_and_not_counted(column: str, cell: str | None) -> None:
    read, unread = values.read_column(column, pl.Series([cell, None], dtype=pl.String))
    assert read.to_list() == [None, None]
    assert unread is None


def test_what_cannot_be_read_is_counted_with_its_commonest_words() -> None:
    cells = pl.Series(["999", "45", "1975", "999", None, "n/a", "12.03.1975", "Jane Doe of Bern"])
    read, unread = values.read_column("age_approx", cells)
    assert read.to_list() == [None, 45, None, None, None, None, None, None]
    assert read.dtype == pl.Int16
    assert unread is not None
    assert unread.words() == "age_approx: 5 of 8 cells could not be read as years (999, 1975): unknown."


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        (pl.Series([45, 999, -1, None]), [45, None, None, None]),
        (pl.Series([45.5, float("nan"), float("inf"), 1975.0]), [45, None, None, None]),
        (pl.Series([True, False]), [None, None]),
        (pl.Series([[45], None]), [None, None]),
    ],
)
def test_columns_of_any_type(cells: pl.Series, read: list[int | None]) -> None:
    assert values.read_column("age_approx", cells)[0].to_list() == read


@pytest.mark.parametrize(
    ("column", "cells", "read"),
    [
        ("age_approx", ["30M", "45F", "030Y"], [None, None, 30]),  # a man of 30, a woman of 45
        ("age_approx", ["30M", "62M", "018M"], [None, None, 1]),
        ("age_approx", ["030M", "045F"], [None, None]),
        ("age_approx", ["30M", "18m", "2W"], [2, 1, 0]),
        ("sex", ["H", "M", "male"], [None, None, "male"]),  # hombre and mujer
        ("sex", ["M", "W"], ["male", "female"]),
        ("sex", ["M", "F", "H"], ["male", "female", None]),
    ],
)
def test_a_letter_that_other_cells_make_doubtful_is_not_read(column: str, cells: list[str], read: list[object]) -> None:
    assert values.read_column(column, pl.Series(cells))[0].to_list() == read


def test_sites() -> None:
    cells = pl.Series(["back", "Lower_Extremity", "palms/soles", "Rücken", "", "Trunk:Anterior trunk"])
    found, unread = values.read_sites(cells)
    assert found["anatom_site_1"].to_list() == ["Trunk", "Lower extremity", None, None, None, "Trunk"]
    assert found["anatom_site_2"].to_list() == ["Posterior trunk", None, None, None, None, "Anterior trunk"]
    assert found["anatom_site_special"].to_list() == [None, None, "acral palms or soles", None, None, None]
    assert unread is not None
    assert unread.words() == (
        "anatom_site: 1 of 6 cells could not be read as a site of the ISIC vocabulary (Rücken): unknown."
    )


@given(st.lists(st.text(max_size=12) | st.integers(-(10**4), 10**4).map(str) | st.floats().map(str), max_size=8))
def test_any_cell_is_a_value_of_the_manifest_or_unknown(cells: list[str]) -> None:
    for column, valid in (
        ("age_approx", range(MAX_AGE + 1)),
        ("sex", ("male", "female")),
        ("fitzpatrick_skin_type", FITZPATRICK),
        ("monk_skin_tone", range(1, 11)),
    ):
        read, unread = values.read_column(column, pl.Series(cells, dtype=pl.String))
        assert set(read.drop_nulls().to_list()) <= set(valid)
        lost = 0 if unread is None else unread.n
        assert lost <= read.null_count() <= len(cells)


@given(st.integers(0, MAX_AGE - 1), st.sampled_from(["{}", "{}.0", "{} y", "0{}Y", " {} years ", "{},7"]))
def test_ages_survive_being_written_in_any_way(age: int, way: str) -> None:
    assert values.years(way.format(f"{age:02d}")) == age
