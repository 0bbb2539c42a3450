"""Identity before images: which rows are the same person's skin, and so never independent."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import polars as pl

from cutis.errors import CutisError
from cutis.schema.spelling import canonical_ids

IDENTITY = ("image_id", "lesion_id", "patient_id", "source")
UNITS = ("patient", "lesion")  # what ties images together by id, the largest first


def check_identity(table: pl.DataFrame, where: str) -> None:
    """Raise CutisError on a missing or repeated image_id, or a lesion that belongs to two patients.

    Ids that are one however they are written (`cutis.schema.spelling.canonical`) are the same.
    """
    tidy_identity(table, where)


def tidy_identity(table: pl.DataFrame, where: str) -> pl.DataFrame:
    """`table` with its ids as text in their canonical form, checked; every table of others comes in through here.

    Of lesions, patients and cases, words for "not known" are null. Raises CutisError as `check_identity` does; two
    spellings of one image_id are named with their rows.
    """
    if "image_id" not in table.columns:
        raise CutisError(f"{where}: no column image_id. Each row needs one.")
    given = table["image_id"].cast(pl.String)
    table = table.with_columns(
        canonical_ids(table[c], nobody=c in ("lesion_id", "patient_id", "case_id")).alias(c)
        for c in (*IDENTITY, "case_id")
        if c in table.columns
    )
    missing = table["image_id"].is_null()
    if missing.any():
        raise CutisError(f"{where}: row {int(missing.arg_true()[0]) + 1} has no image_id. Each row needs one.")
    repeated = table["image_id"].is_duplicated()
    if repeated.any():
        name = table["image_id"].filter(repeated)[0]
        rows = (table["image_id"] == name).arg_true().to_list()
        spellings = dict.fromkeys(given[r] for r in rows)
        if len(spellings) == 1:
            raise CutisError(
                f'{where}: image_id "{name}" is in rows {", ".join(str(r + 1) for r in rows[:5])}. '
                "Ids must be unique: remove or rename the repeats."
            )
        told = ", ".join(f'"{_visible(given[r])}" (row {r + 1})' for r in rows[:5])
        raise CutisError(
            f"{where}: image_id {told} are one id: they differ only in Unicode form, invisible characters, blanks or "
            'a spreadsheet\'s ".0". Rename or remove one.'
        )
    if {"lesion_id", "patient_id"} <= set(table.columns):
        owners = (
            table.drop_nulls(["lesion_id", "patient_id"])
            .group_by("lesion_id")
            .agg(pl.col("patient_id").unique().sort())
            .filter(pl.col("patient_id").list.len() > 1)
            .sort("lesion_id")
        )
        if len(owners):
            lesion, patients = owners.row(0)
            raise CutisError(
                f'{where}: lesion_id "{lesion}" belongs to {len(patients)} patients ({", ".join(patients[:3])}). '
                "A lesion has one patient: correct patient_id or lesion_id."
            )
    return table


def _visible(text: str) -> str:
    """`text` with what can't be seen, or looks like something else, as escapes."""
    return text if text.isascii() and text.isprintable() else text.encode("unicode_escape").decode()


def unit_name(table: pl.DataFrame, by: Collection[str] = UNITS) -> str:
    """What `group_ids` groups by here: "patient", "lesion", "patient or lesion", or "image" if neither is known."""
    known = [u for u in UNITS if u in by and f"{u}_id" in table.columns and table[f"{u}_id"].null_count() < len(table)]
    if "patient" in known and table["patient_id"].null_count() == 0:
        return "patient"
    return " or ".join(known) if known else "image"


def group_ids(table: pl.DataFrame, by: Collection[str] = UNITS, edges: np.ndarray | None = None) -> np.ndarray:
    """Number the independent units of `table`: rows that share a patient or a lesion get one number.

    Closed over both: if images A and B share a lesion, and B and C a patient, all three are one group. A row with
    neither id is a group of its own. Numbers are int64, 0..groups-1, in order of first appearance.

    by: which of `UNITS` tie rows. edges: int (m, 2) pairs of row numbers that are tied besides (near-duplicates).
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(table)
    rows, nodes, offset = [], [], n
    for column in (f"{unit}_id" for unit in UNITS if unit in by):
        if column not in table.columns or n == 0:
            continue
        codes = canonical_ids(table[column], nobody=True).rank("dense").to_numpy().astype(float)
        known = ~np.isnan(codes)
        rows.append(np.flatnonzero(known))
        nodes.append(codes[known].astype(np.int64) - 1 + offset)
        offset += int(codes[known].max()) if known.any() else 0
    if edges is not None and len(edges):
        rows.append(edges[:, 0])
        nodes.append(edges[:, 1])
    if not rows:
        return np.arange(n, dtype=np.int64)
    row, node = np.concatenate(rows), np.concatenate(nodes)
    graph = coo_array((np.ones(len(row), np.int8), (row, node)), shape=(offset, offset))
    labels = connected_components(graph, directed=False)[1][:n]
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    order = np.empty(len(first), np.int64)
    order[np.argsort(first)] = np.arange(len(first))
    return order[inverse]
