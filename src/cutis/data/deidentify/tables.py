"""CSV tables beside the images: the same people and images under the same pseudonyms, and nothing unknown."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath

import polars as pl

from cutis.data.deidentify.columns import Column, clamped_age, column_of
from cutis.data.pseudonym import pseudonym
from cutis.data.readers.values import known
from cutis.errors import CutisError, nearest
from cutis.tables import read_table

SUFFIXES = (".csv", ".tsv")


@dataclass(frozen=True)
class Table:
    """A table as it was read, and what is to become of each column."""

    path: Path
    frame: pl.DataFrame
    columns: dict[str, Column]

    @property
    def patients(self) -> Sequence[str] | None:
        """The patient of each row as written, or None if the table knows none."""
        name = next((n for n, c in self.columns.items() if c.action == "pseudonym" and c.kind == "patient"), None)
        return None if name is None else self.frame[name].to_list()


def read(path: Path, keep: Collection[str]) -> Table:
    """keep: columns that the user knows to be harmless. Raises CutisError for a table that can't be read whole."""
    names, rows = read_table(path)
    if rows.notes:  # nothing is guessed here
        raise CutisError(f"{path}: not UTF-8 text. Save it as UTF-8.")
    columns = {name: Column("keep") if name in keep else column_of(name, rows.frame[name].to_list()) for name in names}
    return Table(path, rows.frame, columns)


def check_kept(tables: Sequence[Table], keep: Collection[str]) -> None:
    """Raise CutisError if `keep` names a column that no table has."""
    there = {name for table in tables for name in table.columns}
    for name in keep:
        if name not in there:
            raise CutisError(f'--keep "{name}": no table has such a column; {nearest(name, sorted(there))}')


def first_days(tables: Sequence[Table]) -> dict[str, date]:
    """Patient -> the first date that any table has of them."""
    firsts: dict[str, date] = {}
    for table in tables:
        for column in table.columns.values():
            for patient, day in zip(table.patients or (), column.dates, strict=False):
                if day is not None and (patient not in firsts or day < firsts[patient]):
                    firsts[patient] = day
    return firsts


def clean(
    table: Table, key: bytes, images: Mapping[str, str], firsts: Mapping[str, date]
) -> tuple[pl.DataFrame, dict[str, str]]:
    """(the table without identity, dropped column -> why).

    images: path, name or name without extension of an image -> its pseudonym. A date column becomes "..._days".
    """
    kept: list[pl.Series] = []
    dropped: dict[str, str] = {}
    patients = table.patients
    for name, column in table.columns.items():
        cells = table.frame[name].to_list()
        if column.action == "drop":
            dropped[name] = column.why
        elif column.action == "pseudonym":
            kept.append(pl.Series(name, [_renamed(cell, column.kind, key, images) for cell in cells], pl.String))
        elif column.action == "age":
            kept.append(pl.Series(name, [clamped_age(cell) for cell in cells], pl.String))
        elif column.action == "keep":
            kept.append(pl.Series(name, cells, pl.String))
        elif patients is None:
            dropped[name] = "dates, and no patient column to count days from"
        else:
            days = [
                "" if day is None or not known(patient) else str((day - firsts[patient]).days)
                for patient, day in zip(patients, column.dates, strict=True)
            ]
            kept.append(pl.Series(f"{name}_days", days, pl.String))
    return pl.DataFrame(kept).with_columns(pl.all().replace("", None)), dropped


def _renamed(cell: str, kind: str, key: bytes, images: Mapping[str, str]) -> str:
    text = known(cell)
    if text is None:
        return ""
    if kind == "image" and (found := images.get(text.replace("\\", "/"))):
        return found
    return pseudonym(key, kind, text)


def image_names(files: Mapping[PurePosixPath, str]) -> dict[str, str]:
    """Each way a table may call an image -> its pseudonym; a name that two images share calls neither."""
    found: dict[str, str] = {}
    for way in ("stem", "name"):
        called: dict[str, set[str]] = {}
        for path, name in files.items():
            called.setdefault(getattr(path, way), set()).add(name)
        found |= {word: names.pop() for word, names in called.items() if len(names) == 1}
    return found | {path.as_posix(): name for path, name in files.items()}
