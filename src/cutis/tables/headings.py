"""Columns by name, however a table spells them."""

from __future__ import annotations

from collections.abc import Sequence


def folded(name: str) -> str:
    """A column's name without regard to case, with "-" and " " read as "_"."""
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def find_column(columns: Sequence[str], names: Sequence[str], leave: Sequence[str] = ()) -> str | None:
    """The first of `names` that is a column, as the table spells it; None if none is. leave: columns not to take."""
    known = {folded(c): c for c in reversed(columns) if c not in leave}
    return next((known[n] for n in names if n in known), None)


def is_row_numbers(name: str) -> bool:
    """Whether a column is called as pandas, R and spreadsheets call a table's row numbers: not at all, or nearly so."""
    return not name.strip() or name.startswith(("Unnamed: ", "__index_level_"))
