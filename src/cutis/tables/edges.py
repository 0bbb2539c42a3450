"""Cells and names without what stands around them and can't be seen: blanks, marks and joiners of no width."""

from __future__ import annotations

import unicodedata
from collections.abc import Container

import polars as pl

_EDGES = r"^[\s\p{Cf}]+|[\s\p{Cf}]+$"
_SEEN = r"^\p{Cf}|\p{Cf}$"


def trimmed(text: str, unseen: Container[str] = ("Cf",)) -> str:
    """`text` without blanks and characters of these Unicode categories at its ends; what is within it stays."""
    if text.isascii() and text.isprintable():  # nearly every cell
        return text.strip()
    first, last = 0, len(text)
    while first < last and _is_edge(text[first], unseen):
        first += 1
    while last > first and _is_edge(text[last - 1], unseen):
        last -= 1
    return text[first:last]


def trimmed_cells(column: pl.Series) -> pl.Series:
    """`trimmed` of a column of text."""
    column = column.str.strip_chars()
    return column.str.replace_all(_EDGES, "") if column.str.contains(_SEEN).any() else column


def _is_edge(character: str, unseen: Container[str]) -> bool:
    return character.isspace() or unicodedata.category(character) in unseen
