"""One image by the same name in two tables, though one of them writes where it lies and the other doesn't."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

_ABSOLUTE = re.compile(r"^(/|\\|[A-Za-z]:[\\/]|[a-z]+://)")


def without_folders(tables: Sequence[pl.DataFrame], notes: list[str]) -> list[pl.DataFrame]:
    """The tables with their image_id as file names alone, where that is needed and tells all of them apart.

    It is needed where the ids of the tables don't agree, and where they are absolute paths, which are of no use to
    others. Ids of relative paths that agree stay.
    """
    ids = [table["image_id"].drop_nulls() for table in tables]
    if not any(column.str.contains(r"[/\\]").any() for column in ids):
        return list(tables)
    agree = all(column.is_in(ids[0].implode()).all() for column in ids[1:])
    if agree and not any(column.str.contains(_ABSOLUTE.pattern).any() for column in ids):
        return list(tables)
    if any(_names(column).n_unique() != column.n_unique() for column in ids):
        return list(tables)
    notes.append("image_id is the file's name, without the folders that the table writes before it.")
    return [table.with_columns(_names(table["image_id"])) for table in tables]


def _names(ids: pl.Series) -> pl.Series:
    return ids.str.replace(r"^.*[/\\]", "")
