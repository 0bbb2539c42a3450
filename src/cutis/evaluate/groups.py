"""Who the rows are: groups by each attribute. A missing value is the group "unknown", and is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from cutis.errors import CutisError, nearest
from cutis.evaluate.arrays import Bools
from cutis.schema.predictions import AGE_BANDS, ATTRIBUTES, with_age_band
from cutis.schema.values import read_column
from cutis.schema.vocabulary import FITZPATRICK, SEXES

UNKNOWN = "unknown"
# Groups that keep their names where no row is in them: their absence is a finding.
_CLOSED = {"sex": SEXES, "age_band": AGE_BANDS, "fitzpatrick_skin_type": FITZPATRICK}
_MOST_GROUPS = 100


@dataclass(frozen=True)
class Group:
    """The rows of one value of an attribute."""

    attribute: str
    name: str
    rows: Bools


def find_groups(table: pl.DataFrame, by: Sequence[str] | None, where: str) -> tuple[list[Group], list[str]]:
    """The groups of every attribute, and notes on what was left out.

    by: columns to group by, instead of the usual attributes (`schema.predictions.ATTRIBUTES` and source) that hold any
    value; "sex*age_band" crosses two or more. Raises CutisError for a column that is absent or has over 100 values.
    """
    notes = []
    if "age_approx" in table.columns and "age_band" not in table.columns:
        _, unread = read_column("age_approx", table["age_approx"])
        notes += [] if unread is None else [unread.words()]
    table = with_age_band(table)
    if by is None:
        usual = [c for c in (*ATTRIBUTES, "source") if c in table.columns]
        attributes = [c for c in usual if table[c].null_count() < len(table)]
    else:
        attributes = list(dict.fromkeys([by] if isinstance(by, str) else by))
    groups: list[Group] = []
    for attribute in attributes:
        labels = _labels(table, attribute, where)
        names = _names(attribute, labels)
        if len(names) > _MOST_GROUPS:
            words = f"{attribute} has {len(names)} values; groups are made of at most {_MOST_GROUPS}"
            if by is not None:
                raise CutisError(f"{where}: {words}. Choose another column, or merge values.")
            notes.append(f"Not grouped by {attribute}: {words}.")
            continue
        groups += [Group(attribute, name, (labels == name).to_numpy()) for name in names]
    return groups, notes


def _labels(table: pl.DataFrame, attribute: str, where: str) -> pl.Series:
    parts = attribute.split("*")
    for part in parts:
        if part not in table.columns:
            raise CutisError(f"{where}: no column {part} to group by: {nearest(part, table.columns)}")
        if table[part].dtype.is_nested():
            raise CutisError(f"{where}: column {part} holds lists and can't be grouped by. Choose another column.")
    columns = [pl.col(part).cast(pl.String).fill_null(UNKNOWN) for part in parts]
    return table.select(pl.concat_str(columns, separator=", ").alias("group"))["group"]


def _names(attribute: str, labels: pl.Series) -> list[str]:
    present = set(labels.unique().to_list())
    closed = list(_CLOSED.get(attribute, ()))
    names = closed + sorted(present - set(closed) - {UNKNOWN})
    return [*names, UNKNOWN] if UNKNOWN in present else names
