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
