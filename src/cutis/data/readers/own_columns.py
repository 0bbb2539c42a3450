"""A source's own columns: what they are called in the manifest, and of which type they are."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import polars as pl

from cutis.schema.manifest import MANIFEST, OPTIONAL
from cutis.tables import Row, Rows

# Columns whose name says that they hold names, not amounts: they stay text.
_NAMES = re.compile(r"(^|[_ .-])(?i:u?id|code|nr|no|number|serial|barcode|accession)$|[a-z]I[dD]$")
# Numbers as programs write them: no leading zero or plus, no bare exponent, no more digits than a float64 holds.
_NUMBER = r"^-?(?:(?:0|[1-9][0-9]{0,14})(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-][0-9]+)?$"
_NO_NUMBER = ("nan", "na", "n/a", "null", "none")  # what programs write for none


def own_name(column: str) -> str:
    """What a source's own column is called in the manifest: "source_" before a name that the manifest has.

    Text that the manifest may hold (a caption, a case) keeps its name.
    """
    taken = {*MANIFEST, *(c for c, dtype in OPTIONAL.items() if dtype != pl.String())}
    return f"source_{column}" if not column or column.casefold() in taken else column


def own_columns(row: Row, used: Collection[str]) -> Row:
    """The cells that no reader made use of, to travel along under their `own_name`."""
    return {own_name(c): cell for c, cell in row.items() if c not in used}


def with_points(rows: Rows, used: Collection[str] = ()) -> Rows:
    """The rows with decimal points where an own column has decimal commas, and notes that say so.

    Only where semicolons or tabs part the cells, and where every known cell of the column is a number. used: columns
    that aren't own ones.
    """
    if not rows.commas:
        return rows
    made, notes = [], []
    for column in rows.frame.iter_columns():
        if column.name in used or not column.str.contains(",", literal=True).any():
            continue
        points = column.str.replace(",", ".", literal=True)
        if typed(points).dtype.is_numeric():
            first = column.filter(column.str.contains(",", literal=True))[0]
            notes.append(f"column {column.name}: {first} is read as {first.replace(',', '.')}")
            made.append(points)
    return Rows(rows.frame.with_columns(made), (*rows.notes, *notes), rows.commas) if made else rows


def typed(values: pl.Series | list[Any], name: str = "") -> pl.Series:
    """A source's own column: whole numbers, decimals or truths where every known cell of text is one, else as it is.

    "" is null, and "nan" among numbers. What may be a name and only looks like a number stays text: "0012", "1e3", more
    than 15 digits, or any column that is called after an id or a code. name: where `values` doesn't bring the column's.
    """
    if isinstance(values, pl.Series):
        column = values
    else:
        told = all(isinstance(v, str | None) for v in values)
        column = pl.Series(name, values, dtype=pl.String if told else None)
    if column.dtype != pl.String:
        return column
    text = column.replace("", None)
    if text.null_count() == len(text):
        return text
    plain = text.set(text.str.to_lowercase().is_in(_NO_NUMBER), None)
    if not _NAMES.search(name or column.name) and plain.str.contains(_NUMBER).drop_nulls().all():
        whole = plain.cast(pl.Int64, strict=False)
        return whole if whole.null_count() == plain.null_count() else plain.cast(pl.Float64)
    truth = text.replace_strict({"True": True, "False": False}, default=None, return_dtype=pl.Boolean)
    return truth if truth.null_count() == text.null_count() else text
