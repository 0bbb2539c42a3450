"""Columns by name, however a table spells them."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from cutis.errors import CutisError
from cutis.tables.numbers import as_text


def folded(name: str) -> str:
    """A column's name without regard to case, with "-" and " " read as "_"."""
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def find_column(columns: Sequence[str], names: Sequence[str], leave: Sequence[str] = ()) -> str | None:
    """The first of `names` that is a column, as the table spells it; None if none is. leave: columns not to take."""
    known = {folded(c): c for c in reversed(columns) if c not in leave}
    return next((known[n] for n in names if n in known), None)


def also_called(frame: pl.DataFrame, names: Sequence[str], taken: str, where: str) -> list[str]:
    """Other columns that one of `names` is the name of, or that are called as `taken` is, and that say something else.

    Raises CutisError where the name of one differs from that of `taken` only in case, blanks and hyphens.
    """
    others = [c for c in frame.columns if c != taken and (folded(c) in names or folded(c) == folded(taken))]
    others = [c for c in others if not as_text(frame[c]).equals(as_text(frame[taken]), null_equal=True)]
    twin = next((c for c in others if folded(c) == folded(taken)), None)
    if twin is not None:
        raise CutisError(
            f'{where}: columns "{taken}" and "{twin}" have one name, but for case, blanks and hyphens, and say '
            "different things. Remove or rename one."
        )
    return others


def is_row_numbers(name: str) -> bool:
    """Whether a column is called as pandas, R and spreadsheets call a table's row numbers: not at all, or nearly so."""
    return not name.strip() or name.startswith(("Unnamed: ", "__index_level_"))
