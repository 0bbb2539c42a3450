"""A CSV as rows of text: separator sniffed, byte-order mark dropped, and each way it can be wrong named."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, overload

import polars as pl

from cutis.errors import CutisError
from cutis.schema.manifest import MANIFEST, OPTIONAL

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
Row = dict[str, str]
_CHUNK = 20_000  # rows parsed at a time


class Rows(Sequence[Row]):
    """The rows of a table of text. They are held in columns: a row is made when it is asked for, so that a table of
    400,000 rows and 55 columns takes hundreds of megabytes, not several thousand.

    frame: every column is text, "" where empty.
    """

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame

    def __len__(self) -> int:
        return len(self.frame)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> Rows: ...
    def __getitem__(self, at: int | slice) -> Row | Rows:
        return Rows(self.frame[at]) if isinstance(at, slice) else self.frame.row(at, named=True)

    def __iter__(self) -> Iterator[Row]:
        return self.frame.iter_rows(named=True)


def read_table(path: Path, header: Sequence[str] = ()) -> tuple[list[str], Rows]:
    """(columns, rows) of a CSV file; cells are stripped text, "" where empty. Blank lines are skipped.

    The separator is the one of comma, semicolon, tab and bar that the header line holds most of. `header` names the
    columns of a table that may come without a header line: the first line is one only if it begins as `header` does.
    Raises CutisError for a file that is missing, empty, not UTF-8, without rows, or ragged.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as f:
            return _parsed(path, f, list(header))
    except (OSError, UnicodeDecodeError):
        read_text(path)  # tells what is wrong with it
        raise


def _parsed(path: Path, file: Iterable[str], header: list[str]) -> tuple[list[str], Rows]:
    lines = (_text(line, path) for line in file)
    first = next((line for line in lines if line.strip()), "")
    if not first:
        raise CutisError(f"{path}: empty; expected a CSV with a header line.")
    separator = max(SEPARATORS, key=first.count)
    cells = ([c.strip() for c in line] for line in csv.reader(chain([first], lines), delimiter=separator))
    body: Iterator[list[str]] = (line for line in cells if any(line))
    try:
        columns = next(body, [])
        if header and columns[0] != header[0]:
            body, columns = chain([columns], body), header
        repeated = next((c for c in columns if columns.count(c) > 1), None)
        if repeated is not None:
            raise CutisError(f'{path}: column "{repeated}" appears twice in the header. Rename one.')
        numbered = enumerate(body, 1)
        parts = []
        while chunk := list(islice(numbered, _CHUNK)):
            for number, line in chunk:
                if len(line) != len(columns):
                    raise CutisError(
                        f"{path}: row {number} has {len(line)} cells, the header {len(columns)} (separator: "
                        f"{SEPARATORS[separator]}). Quote cells that hold the separator, and use one separator "
                        "throughout."
                    )
            cells_by_column = zip(*(line for _, line in chunk), strict=True)
            parts.append(
                pl.DataFrame([pl.Series(c, v, pl.String) for c, v in zip(columns, cells_by_column, strict=True)])
            )
    except csv.Error as error:
        raise CutisError(f"{path}: not a readable CSV ({error}).") from None
    if not parts:
        raise CutisError(f"{path}: a header line but no rows.")
    return columns, Rows(pl.concat(parts))


def _text(line: str, path: Path) -> str:
    if "\0" in line:
        raise CutisError(f"{path}: binary data; expected a CSV with a header line.")
    return line


def read_text(path: Path) -> str:
    """The text of a table. Raises CutisError for a file that is missing, may not be read or is not UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except PermissionError:
        raise CutisError(f"{path}: no permission to read it.") from None
    except OSError:
        raise CutisError(f"{path}: no such CSV file.") from None
    except UnicodeDecodeError as error:
        raise CutisError(
            f"{path}: not UTF-8 text (byte {error.start}). Save it as UTF-8 CSV; spreadsheets often don't."
        ) from None


def read_header(path: Path) -> list[str]:
    """The column names of a CSV, or [] for a file that has none; cheap, and raises nothing."""
    try:
        with path.open("rb") as f:
            line = f.readline(100_000).decode("utf-8-sig", "replace").strip()
    except OSError:
        return []
    separator = max(SEPARATORS, key=line.count)
    return [c.strip() for c in next(csv.reader([line], delimiter=separator), [])] if "\0" not in line else []


def own_name(column: str) -> str:
    """What a source's own column is called in the manifest: "source_" before a name that the manifest has.

    Text that the manifest may hold (a caption, a case) keeps its name.
    """
    taken = {*MANIFEST, *(c for c, dtype in OPTIONAL.items() if dtype != pl.String())}
    return f"source_{column}" if not column or column.casefold() in taken else column


def own_columns(row: Row, used: Collection[str]) -> Row:
    """The cells that no reader made use of, to travel along under their `own_name`."""
    return {own_name(c): cell for c, cell in row.items() if c not in used}


def typed(values: pl.Series | list[Any]) -> pl.Series:
    """A source's own column: whole numbers, decimals or truths where every known cell of text is one, else as it is.

    "" is null.
    """
    column = pl.Series(values, dtype=pl.String) if all(isinstance(v, str | None) for v in values) else pl.Series(values)
    if column.dtype != pl.String:
        return column
    text = column.replace("", None)
    if text.null_count() == len(text):
        return text
    for dtype in (pl.Int64(), pl.Float64()):
        number = text.cast(dtype, strict=False)
        if number.null_count() == text.null_count():
            return number
    truth = text.replace_strict({"True": True, "False": False}, default=None, return_dtype=pl.Boolean)
    return truth if truth.null_count() == text.null_count() else text
