"""Which spellings of an id are one, which may be, and which never are."""

from __future__ import annotations

import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutis.errors import CutisError
from cutis.schema.identity import check_identity, group_ids, tidy_identity
from cutis.schema.spelling import as_one, canonical, canonical_ids, doubt_words, doubts, folded, folded_ids

AS_IT_IS = [
    "P7",
    "1.10",
    "1.1",
    "1e3",
    "0x1F",
    "0007",
    "A-12",
    "a 12",
    "123456789012345678901",
    "Ünal",
    "患者7",
    "1.000",
]
ids = (
    st.text(st.characters(codec="utf-8"), max_size=8) | st.from_regex(r"\A[aA0 .\-]{0,6}\Z") | st.sampled_from(AS_IT_IS)
)


@pytest.mark.parametrize("text", AS_IT_IS)
def test_an_id_stays_as_it_is(text: str) -> None:
    assert canonical(text) == text


@pytest.mark.parametrize(
    ("text", "one"),
    [
        ("U\u0308nal", "Ünal"),  # as macOS writes file names
        ("P7\u200b", "P7"),  # zero width space
        ("\ufeffP7", "P7"),  # byte-order mark
        ("P\u00ad7", "P7"),  # soft hyphen
        ("\u202aP7\u202c", "P7"),  # marks of writing direction, as copied from a spreadsheet
        ("P\ufe0f7", "P7"),  # variation selector
        ("P7\x00", "P7"),
        (" P 7\t", "P 7"),
        ("P\u00a07", "P 7"),  # no-break space
        ("P \u2009 7", "P 7"),  # thin space
        ("P\u30007", "P 7"),  # ideographic space
        ("P\r\n7", "P 7"),
        ("\uff30\uff17", "P7"),  # full width
        ("7.0", "7"),
        ("0007.00", "0007"),
        ("7.000000", "7"),
        ("\u200b \u00a0", ""),
        ("e\u200d\u0301", "é"),  # apart only by what can't be seen
    ],
)
def test_spellings_that_are_one(text: str, one: str) -> None:
    assert canonical(text) == one


@given(st.lists(st.none() | ids, max_size=6))
def test_a_column_is_spelled_as_each_of_its_cells(cells: list[str | None]) -> None:
    column = pl.Series(cells, dtype=pl.String)
    once = canonical_ids(column)
    assert once.to_list() == [None if c is None else canonical(c) or None for c in cells]
    assert canonical_ids(once).to_list() == once.to_list()
    assert folded_ids(once).to_list() == [None if c is None else folded(c) for c in once]


@given(ids)
def test_unicode_forms_are_one(text: str) -> None:
    assert canonical(unicodedata.normalize("NFD", text)) == canonical(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("P7", "p7"),
        ("7", "0007"),
        ("A-12", "A12"),
        ("A_12", "a 012"),
        ("7", "7.000"),
        ("7", "'7"),
        ("P7", "\u04207"),  # a Cyrillic letter that looks like P
        ("7", "\u0667"),  # an Arabic seven
        ("straße", "STRASSE"),
    ],
)
def test_spellings_that_may_be_one(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    ("one", "other"), [("1-12", "11-2"), ("1.10", "1.1"), ("110", "1.10"), ("-", "?"), ("कि", "का")]
)
def test_spellings_that_are_two(one: str, other: str) -> None:
    assert folded(one) != folded(other)


def table(**columns: list[str | None]) -> pl.DataFrame:
    n = len(next(iter(columns.values())))
    made = {"image_id": [f"i{k}" for k in range(n)], **columns}
    return pl.DataFrame(made, schema=dict.fromkeys(made, pl.String))


def test_the_commonest_spelling_stands_for_all() -> None:
    found = doubts(table(patient_id=["p7", "P7", "P7", "8", None, "P-07"]))
    assert [d.spellings for d in found] == [("P7", "P-07", "p7")]
    assert found[0].images == ("i1", "i5", "i0")
    assert doubt_words(found) == [
        "one patient may be spelled in several ways, with other case, leading zeros, blanks or punctuation (the first: "
        '"P7", "P-07" and "p7")'
    ]
    assert as_one(table(patient_id=["p7", "8", None]), found)["patient_id"].to_list() == ["P7", "8", None]


def test_a_lesion_of_another_patient_is_no_question() -> None:
    assert doubts(table(lesion_id=["L1", "l1"], patient_id=["a", "b"])) == []
    assert doubts(table(lesion_id=["L1", "l1"], patient_id=["a", "A"]), ["lesion_id"])[0].certain
    (open_one,) = doubts(table(lesion_id=["L1", "l1", "L01"], patient_id=["a", "b", None]))
    assert not open_one.certain
    assert set(open_one.spellings) == {"L1", "l1", "L01"}
    assert doubts(table(lesion_id=["L1", "L2"], patient_id=["a", "a"])) == []


def test_image_ids_stay() -> None:
    frame = pl.DataFrame({"image_id": ["IMG-1", "img1"]})
    (found,) = doubts(frame)
    assert as_one(frame, [found]).equals(frame)


def test_groups_know_one_person_by_any_spelling() -> None:
    frame = table(patient_id=["7", "7.0", " 7", "\uff17", "0007", "n/a", "N/A "])
    assert group_ids(frame).tolist() == [0, 0, 0, 0, 1, 2, 3]
    assert tidy_identity(frame, "t")["patient_id"].to_list() == ["7", "7", "7", "7", "0007", None, None]


def test_numbers_as_ids() -> None:
    frame = pl.DataFrame({"image_id": [1.0, 2.0], "patient_id": [7.0, float("nan")]})
    tidy = tidy_identity(frame, "t")
    assert tidy["image_id"].to_list() == ["1", "2"]
    assert tidy["patient_id"].to_list() == ["7", None]


def test_two_spellings_of_one_image_are_named_with_their_rows() -> None:
    frame = pl.DataFrame({"image_id": ["a\u0301", "b", "\u00e1\u200b"]})
    with pytest.raises(CutisError, match=r'x\.csv: image_id "a\\u0301" \(row 1\), "\\xe1\\u200b" \(row 3\) are one id'):
        check_identity(frame, "x.csv")
    with pytest.raises(CutisError, match="row 2 has no image_id"):
        check_identity(pl.DataFrame({"image_id": ["a", "\u200b"]}), "t")


def test_a_lesion_of_one_patient_spelled_twice_is_fine() -> None:
    check_identity(table(lesion_id=["L", "L\u200b"], patient_id=["7", "7.0"]), "t")
    with pytest.raises(CutisError, match="belongs to 2 patients"):
        check_identity(table(lesion_id=["L", "L\u200b"], patient_id=["7", "8"]), "t")
