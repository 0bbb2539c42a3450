"""Which rows are one person's skin."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutis.errors import CutisError
from cutis.schema.identity import check_identity, group_ids, unit_name

TEXT = {"image_id": pl.String, "lesion_id": pl.String, "patient_id": pl.String}
rows_of_ids = st.lists(
    st.tuples(st.none() | st.sampled_from("abcde"), st.none() | st.sampled_from("pqrs")), max_size=25
)


def table(rows: list[tuple[str | None, str | None]]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "image_id": [f"i{i}" for i in range(len(rows))],
            "lesion_id": [r[0] for r in rows],
            "patient_id": [r[1] for r in rows],
        },
        schema=TEXT,
    )


def naive_groups(rows: list[tuple[str | None, str | None]]) -> list[int]:
    """Merge until nothing changes, then number in order of first appearance."""
    label = list(range(len(rows)))
    changed = True
    while changed:
        changed = False
        for i, a in enumerate(rows):
            for j, b in enumerate(rows):
                linked = (a[0] is not None and a[0] == b[0]) or (a[1] is not None and a[1] == b[1])
                if linked and label[i] != label[j]:
                    label[i] = label[j] = min(label[i], label[j])
                    changed = True
    order = list(dict.fromkeys(label))
    return [order.index(v) for v in label]


@settings(deadline=None)  # the first example pays for importing scipy
@given(rows_of_ids)
def test_groups_are_closed_over_lesion_and_patient(rows: list[tuple[str | None, str | None]]) -> None:
    assert group_ids(table(rows)).tolist() == naive_groups(rows)


def test_a_chain_is_one_group() -> None:
    """A and B share a lesion, B and C a patient, D is alone: A, B, C are one."""
    found = group_ids(table([("x", None), ("x", "p"), (None, "p"), (None, None)]))
    assert found.tolist() == [0, 0, 0, 1]
    assert found.dtype == np.int64


def test_no_ids_no_groups() -> None:
    assert group_ids(pl.DataFrame({"image_id": ["a", "b"]})).tolist() == [0, 1]
    assert group_ids(table([])).tolist() == []


def test_numbers_as_ids() -> None:
    frame = pl.DataFrame({"image_id": [1, 2, 3], "patient_id": [7, 8, 7]})
    check_identity(frame, "t")
    assert group_ids(frame).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        ([("a", "p"), ("b", "q")], "patient"),
        ([("a", "p"), ("b", None)], "patient or lesion"),
        ([(None, "p"), (None, None)], "patient"),
        ([("a", None), ("b", None)], "lesion"),
        ([(None, None)], "image"),
    ],
)
def test_unit_name(rows: list[tuple[str | None, str | None]], name: str) -> None:
    assert unit_name(table(rows)) == name


def test_repeated_image_names_the_rows() -> None:
    frame = pl.DataFrame({"image_id": ["a", "b", "a"]})
    with pytest.raises(CutisError, match=r'here\.csv: image_id "a" is in rows 1, 3'):
        check_identity(frame, "here.csv")


@pytest.mark.parametrize("missing", [None, ""])
def test_missing_image_id_names_the_row(missing: str | None) -> None:
    with pytest.raises(CutisError, match="row 2 has no image_id"):
        check_identity(pl.DataFrame({"image_id": ["a", missing]}), "t")


def test_no_column_image_id() -> None:
    with pytest.raises(CutisError, match="no column image_id"):
        check_identity(pl.DataFrame({"id": ["a"]}), "t")


def test_untyped_empty_table_is_fine() -> None:
    check_identity(pl.DataFrame({"image_id": [], "lesion_id": [], "patient_id": []}), "t")


def test_lesion_of_two_patients() -> None:
    with pytest.raises(CutisError, match=r'lesion_id "x" belongs to 2 patients \(p, q\)'):
        check_identity(table([("x", "p"), ("y", "p"), ("x", "q")]), "t")
    check_identity(table([("x", "p"), ("x", None), ("x", "p")]), "t")
