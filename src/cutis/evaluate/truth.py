"""The truth in a file of its own: a column with each image's class, or a challenge's 0 and 1 in a column a class."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from cutis.errors import CutisError
from cutis.evaluate.class_names import finder
from cutis.evaluate.columns import ATTRIBUTE_ALIASES, IDENTITY_ALIASES, TARGETS, WEIGHTS
from cutis.evaluate.shapes import numbers
from cutis.evaluate.sides import class_word, is_class
from cutis.schema.classes import ClassInfo
from cutis.tables import as_text, find_column, folded
from cutis.tables import numbers as decimals


@dataclass(frozen=True)
class Truth:
    """table: image_id, `target` (text) or `labels` (list of text), and what else the file holds. codes: its classes.

    hot: whether they were columns of 0 and 1. several: whether an image may have more than one, or none.
    """

    table: pl.DataFrame
    codes: tuple[str, ...]
    hot: bool
    several: bool


def as_truth(table: pl.DataFrame, where: str) -> Truth:
    """The truth of a table whose identity columns have Cutis's names. Raises CutisError if it holds none."""
    target = find_column(table.columns, TARGETS)
    if target is not None:
        said = as_text(table[target]).str.strip_chars().replace("", None).alias("target")
        known = table.with_columns(said)
        known = known.drop(target) if target != "target" else known
        return Truth(known, tuple(known["target"].drop_nulls().unique().sort()), hot=False, several=False)
    others = {*IDENTITY_ALIASES, *ATTRIBUTE_ALIASES, *WEIGHTS}.union(*ATTRIBUTE_ALIASES.values())
    columns = [c for c in table.columns if c not in others and _is_hot(table[c])]
    if not columns:
        raise CutisError(
            f"{where}: no truth in columns {', '.join(table.columns[:8])}. Add column target with the class's code, or "
            "one column a class that holds 0 or 1."
        )
    hot = numbers(table, columns, where) > 0.5
    rest = table.drop(columns)
    if (hot.sum(1) == 1).all():
        target_of = [columns[k] for k in hot.argmax(1)]
        return Truth(rest.with_columns(pl.Series("target", target_of)), tuple(columns), hot=True, several=False)
    labels = [[columns[k] for k in np.flatnonzero(row)] for row in hot]
    found = rest.with_columns(pl.Series("labels", labels, dtype=pl.List(pl.String)))
    return Truth(found, tuple(columns), hot=True, several=True)


def truth_column(table: pl.DataFrame) -> str | None:
    """The column that says what is true: of the usual names, else the only one of 0 and 1 named after a class."""
    usual = find_column(table.columns, TARGETS)
    if usual is not None:
        return usual
    found = [c for c in table.columns if is_class(class_word(c)) and _is_hot(table[c])]
    return found[0] if len(found) == 1 else None


_OF_TRUTH = re.compile(r"(?:y_true|true|truth|gt|ground_truth|label|target|is)_(.+)")


def with_hot_truth(table: pl.DataFrame, classes: Sequence[ClassInfo], where: str, notes: list[str]) -> pl.DataFrame:
    """The table with `target`, or `labels` where an image may have several, from columns of 0 and 1 that are named
    after the classes (MEL, true_MEL), if each class has one; else as it is."""
    find = finder(classes)
    columns: dict[int, str] = {}
    for column in table.columns:
        of_truth = _OF_TRUTH.fullmatch(folded(column))
        k = find(column)
        k = find(of_truth[1]) if k is None and of_truth else k
        if k is None or not _is_hot(table[column]):
            continue
        if k in columns:
            return table
        columns[k] = column
    if len(columns) < len(classes):
        return table
    chosen = [columns[k] for k in range(len(classes))]
    hot = numbers(table, chosen, where) > 0.5
    notes.append(f"The truth is in columns {', '.join(chosen)}, of 0 and 1.")
    codes = [c.code for c in classes]
    rest = table.drop(chosen)
    if (hot.sum(1) == 1).all():
        return rest.with_columns(pl.Series("target", [codes[k] for k in hot.argmax(1)]))
    held = [[codes[k] for k in np.flatnonzero(row)] for row in hot]
    return rest.with_columns(pl.Series("labels", held, dtype=pl.List(pl.String)))


def _is_hot(column: pl.Series) -> bool:
    if column.dtype.is_nested():
        return False
    values = decimals(column)
    return bool(values.is_in([0.0, 1.0]).all() and values.null_count() == 0)
