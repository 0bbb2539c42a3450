"""Identity before images: which rows are the same person's skin, and so never independent."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import polars as pl

from cutis.errors import CutisError

IDENTITY = ("image_id", "lesion_id", "patient_id", "source")
UNITS = ("patient", "lesion")  # what ties images together by id, the largest first


def check_identity(table: pl.DataFrame, where: str) -> None:
    """Raise CutisError on a missing or repeated image_id, or a lesion that belongs to two patients."""
    if "image_id" not in table.columns:
        raise CutisError(f"{where}: no column image_id. Each row needs one.")
    table = table.select(pl.col(c).cast(pl.String) for c in IDENTITY if c in table.columns)
    missing = table["image_id"].is_null() | (table["image_id"] == "")
    if missing.any():
        raise CutisError(f"{where}: row {int(missing.arg_true()[0]) + 1} has no image_id. Each row needs one.")
    repeated = table["image_id"].is_duplicated()
    if repeated.any():
        name = table["image_id"].filter(repeated)[0]
        rows = (table["image_id"] == name).arg_true().to_list()
        raise CutisError(
            f'{where}: image_id "{name}" is in rows {", ".join(str(r + 1) for r in rows[:5])}. '
            "Ids must be unique: remove or rename the repeats."
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
        codes = table[column].cast(pl.String).rank("dense").to_numpy().astype(float)
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
