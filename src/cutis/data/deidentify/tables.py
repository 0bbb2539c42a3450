"""CSV tables beside the images: the same people and images under the same pseudonyms, and nothing unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath

import polars as pl

from cutis.data.deidentify.columns import Column, clamped_age, column_of
from cutis.data.deidentify.words import fits
from cutis.data.pseudonym import pseudonym
from cutis.data.values import known
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


def first_days(tables: Sequence[Table], key: bytes) -> dict[str, date]:
    """Pseudonym of a patient -> the first date that any table has of them, however they are spelled there."""
    firsts: dict[str, date] = {}
    for table in tables:
        for column in table.columns.values():
            for written, day in zip(table.patients or (), column.dates, strict=False):
                if day is None:
                    continue
                patient = pseudonym(key, "patient", known(written) or "")
                firsts[patient] = min(day, firsts.get(patient, day))
    return firsts


@dataclass(frozen=True)
class CleanTable:
    """`frame`: the table without identity. dropped: column -> why it went.

    cells: column of the result -> (cells that stayed, cells that went, being none of its words). strange: column ->
    those words, how often; for the person at the terminal, never written. gone: why -> cells of the columns that went.
    """

    frame: pl.DataFrame
    dropped: dict[str, str]
    cells: dict[str, tuple[int, int]]
    strange: dict[str, Counter[str]]
    gone: Counter[str]


def clean(table: Table, key: bytes, images: Mapping[str, str], firsts: Mapping[str, date]) -> CleanTable:
    """images: path, name or name without extension of an image -> its pseudonym. A date column becomes "..._days"."""
    kept: dict[str, list[str]] = {}
    dropped: dict[str, str] = {}
    cells: dict[str, tuple[int, int]] = {}
    strange: dict[str, Counter[str]] = {}
    gone: Counter[str] = Counter()
    patients = table.patients
    for name, column in table.columns.items():
        said = table.frame[name].to_list()
        full = sum(known(cell) is not None for cell in said)
        if column.action == "drop" or (column.action == "days" and patients is None):
            dropped[name] = column.why or "dates, and no patient column to count days from"
            gone[dropped[name]] += full
            continue
        made = _made(column, said, key, images, firsts, patients)
        lost = Counter(old for old, new in zip(said, made, strict=True) if known(old) is not None and not new)
        if lost and lost.total() == full:
            dropped[name] = "none of its words is one of such a column's"
            strange[name] = lost
            gone[dropped[name]] += full
            continue
        under = _header(name, column, key, kept)
        kept[under] = made
        cells[under] = full - lost.total(), lost.total()
        if lost:
            strange[name] = lost
    frame = pl.DataFrame({name: pl.Series(made, dtype=pl.String) for name, made in kept.items()})
    return CleanTable(frame.with_columns(pl.all().replace("", None)), dropped, cells, strange, gone)


def _made(
    column: Column,
    said: Sequence[str],
    key: bytes,
    images: Mapping[str, str],
    firsts: Mapping[str, date],
    patients: Sequence[str] | None,
) -> list[str]:
    """What each cell becomes; "" for one that goes."""
    if column.action == "pseudonym":
        return [_renamed(cell, column.kind, key, images) for cell in said]
    if column.action == "age":
        return [clamped_age(cell) for cell in said]
    if column.action == "words":
        return [cell if known(cell) is None or fits(column.kind, cell) else "" for cell in said]
    if column.action == "days":
        assert patients is not None
        return [
            "" if day is None or not known(written) else str((day - firsts[_renamed(written, "patient", key, {})]).days)
            for written, day in zip(patients, column.dates, strict=True)
        ]
    return list(said)


def _header(name: str, column: Column, key: bytes, taken: Collection[str]) -> str:
    """The column's name, or a pseudonym where it isn't made of words that are known."""
    shown = name if column.plain else f"{column.action}_{pseudonym(key, 'column', name)[:8]}"
    if column.action == "days":
        shown = f"{shown}_days"
    return shown if shown not in taken else f"{shown}_{pseudonym(key, 'column', name)[:8]}"


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
