"""Cells and names without what stands around them and can't be seen: blanks, marks and joiners of no width."""

from __future__ import annotations

import unicodedata

import polars as pl

_EDGES = r"^[\s\p{Cf}]+|[\s\p{Cf}]+$"
_SEEN = r"^\p{Cf}|\p{Cf}$"


def trimmed(text: str) -> str:
    """`text` without blanks and invisible characters (Unicode's Cf) at its ends; what is within it stays."""
    text = text.strip()
    if text.isascii():
        return text
    first, last = 0, len(text)
    while first < last and _is_edge(text[first]):
        first += 1
    while last > first and _is_edge(text[last - 1]):
        last -= 1
    return text[first:last]


def trimmed_cells(column: pl.Series) -> pl.Series:
    """`trimmed` of a column of text."""
    column = column.str.strip_chars()
    return column.str.replace_all(_EDGES, "") if column.str.contains(_SEEN).any() else column


def _is_edge(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) == "Cf"
