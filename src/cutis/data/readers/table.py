"""A CSV as rows of text: separator sniffed, byte-order mark dropped, and each way it can be wrong named."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection
from pathlib import Path

import polars as pl

from cutis.errors import CutisError
from cutis.schema.manifest import MANIFEST

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
Row = dict[str, str]


def read_table(path: Path) -> tuple[list[str], list[Row]]:
    """(columns, rows) of a CSV file; cells are stripped text, "" where empty. Blank lines are skipped.

    The separator is the one of comma, semicolon, tab and bar that the header line holds most of.
    Raises CutisError for a file that is missing, empty, not UTF-8, without rows, or ragged.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError:
        raise CutisError(f"{path}: no such CSV file.") from None
    except UnicodeDecodeError as error:
        raise CutisError(
            f"{path}: not UTF-8 text (byte {error.start}). Save it as UTF-8 CSV; spreadsheets often don't."
        ) from None
    header = next((line for line in text.splitlines() if line.strip()), "")
    if "\0" in text or not header:
        raise CutisError(f"{path}: {'binary data' if header else 'empty'}; expected a CSV with a header line.")
    separator = max(SEPARATORS, key=header.count)
    try:
        lines = [[c.strip() for c in line] for line in csv.reader(io.StringIO(text, newline=""), delimiter=separator)]
    except csv.Error as error:
        raise CutisError(f"{path}: not a readable CSV ({error}).") from None
    lines = [line for line in lines if any(line)]
    columns, body = lines[0], lines[1:]
    repeated = next((c for c in columns if columns.count(c) > 1), None)
    if repeated is not None:
        raise CutisError(f'{path}: column "{repeated}" appears twice in the header. Rename one.')
    for number, line in enumerate(body, 1):
        if len(line) != len(columns):
            raise CutisError(
                f"{path}: row {number} has {len(line)} cells, the header {len(columns)} (separator: "
                f"{SEPARATORS[separator]}). Quote cells that hold the separator, and use one separator throughout."
            )
    if not body:
        raise CutisError(f"{path}: a header line but no rows.")
    return columns, [dict(zip(columns, line, strict=True)) for line in body]


def read_header(path: Path) -> list[str]:
    """The column names of a CSV, or [] for a file that has none; cheap, and raises nothing."""
    try:
        with path.open("rb") as f:
            line = f.readline(100_000).decode("utf-8-sig", "replace").strip()
    except OSError:
        return []
    separator = max(SEPARATORS, key=line.count)
    return [c.strip() for c in next(csv.reader([line], delimiter=separator), [])] if "\0" not in line else []


def own_columns(row: Row, used: Collection[str]) -> Row:
    """The cells that no reader made use of, to travel along; "source_" before names that the manifest has."""
    return {f"source_{c}" if not c or c.casefold() in MANIFEST else c: cell for c, cell in row.items() if c not in used}


def typed(values: list[str | None]) -> pl.Series:
    """A source's own column: whole numbers or decimals where every known cell is one, else text. "" is null."""
    text = pl.Series([v or None for v in values], dtype=pl.String)
    for dtype in (pl.Int64(), pl.Float64()):
        number = text.cast(dtype, strict=False)
        if number.null_count() == text.null_count() < len(text):
            return number
    return text
