"""Cells as numbers, and columns of numbers as the text of names: one rule for every command."""

from __future__ import annotations

import json
import math
import re

import polars as pl

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?")


def number(text: str) -> float | None:
    """A decimal number as people write it, with a point or a comma ("45,5"); None for anything else.

    Neither "1,234.5" (which of the two is the decimal sign is a guess) nor "nan" is one.
    """
    plain = text.strip().replace("\N{MINUS SIGN}", "-")
    value = float(plain.replace(",", ".")) if _NUMBER.fullmatch(plain) else math.inf
    return value if math.isfinite(value) else None


def numbers(column: pl.Series) -> pl.Series:
    """As `number`, of a whole column: float64, null where there is none; columns of numbers keep their values."""
    if column.dtype.is_nested():
        return pl.Series(column.name, [None] * len(column), dtype=pl.Float64)
    found = column.cast(pl.Float64, strict=False)
    if column.dtype != pl.String():
        return found
    found = _finite(found)
    if found.null_count() > column.null_count():  # some aren't written as machines write them
        text = column.str.strip_chars().str.replace("\N{MINUS SIGN}", "-", literal=True)
        text = text.set(~text.str.contains(f"^(?:{_NUMBER.pattern})$"), None).str.replace(",", ".", literal=True)
        found = found.fill_null(_finite(text.cast(pl.Float64, strict=False)))
    return found


def _finite(column: pl.Series) -> pl.Series:
    return column.set(~column.is_finite(), None)


def as_text(column: pl.Series) -> pl.Series:
    """A column of names, ids or labels as text: 7 and 7.0 of a column of numbers are "7"; NaN is null; text is kept."""
    if column.dtype.is_float():
        column = column.fill_nan(None)
        whole = column.cast(pl.Int64, strict=False)
        text = pl.when(column == whole).then(whole.cast(pl.String)).otherwise(column.cast(pl.String))
        return pl.select(text).to_series().alias(column.name)
    if column.dtype == pl.Boolean():
        return column.replace_strict({True: "True", False: "False"}, return_dtype=pl.String)
    if column.dtype.is_nested():
        cells = (None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in column.to_list())
        return pl.Series(column.name, cells, dtype=pl.String)
    return column.cast(pl.String, strict=False)
