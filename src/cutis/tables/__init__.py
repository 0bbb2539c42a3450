"""The one reader of tables: exactly the file that is named, each cell as text, however a spreadsheet saved it.

Read: text with commas, semicolons, tabs or bars (UTF-8, UTF-16, Windows-1252; any line ends; a line "sep=;" before the
header; separators or blank lines too many at the end), JSON lines, and Parquet. A name is a name: "p[1].csv" and
"p*.csv" are files, never patterns, and "~" is a folder. What can't be read for sure is refused, with what to do.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import polars as pl

from cutis.errors import CutisError
from cutis.tables.edges import trimmed, trimmed_cells
from cutis.tables.encoding import decoded, encoding_of
from cutis.tables.headings import also_called, find_column, folded, is_row_numbers
from cutis.tables.numbers import as_text, number, numbers
from cutis.tables.separated import HEAD, beginning, named, separated_table, without_blanks

__all__ = [
    "Row",
    "Rows",
    "also_called",
    "as_text",
    "find_column",
    "folded",
    "is_parquet",
    "is_row_numbers",
    "load_table",
    "number",
    "numbers",
    "read_header",
    "read_parquet",
    "read_table",
    "read_text",
    "scan_parquet",
    "trimmed",
]

Row = dict[str, str]
_PARQUET = (".parquet", ".pq")
_JSON = (".jsonl", ".ndjson")
_IS_JSON = re.compile(rb'\s*(?:\[\s*(?:[\[{"]|$)|\{\s*(?:"|$))')
# How a file begins that is none of these -> what it is, and what to do.
_OTHERS: dict[bytes, str] = {
    b"PK\x03\x04": "a workbook (.xlsx, .ods) or a zip. Save the sheet as CSV UTF-8, or unpack the zip; name the CSV",
    b"\xd0\xcf\x11\xe0": "an Excel workbook (.xls). Save the sheet as CSV UTF-8 and name that file",
    b"\x1f\x8b": "compressed (gzip). Unpack it (gunzip) and name the file inside",
    b"BZh": "compressed (bzip2). Unpack it and name the file inside",
    b"\xfd7zXZ": "compressed (xz). Unpack it and name the file inside",
    b"\x28\xb5\x2f\xfd": "compressed (zstd). Unpack it and name the file inside",
    b"ARROW1": "an Arrow (Feather) file. Write it as Parquet or CSV",
    b"\x89HDF": "an HDF5 file. Write its table as Parquet or CSV",
    b"%PDF": "a PDF. Save the table as CSV UTF-8",
    b"SQLite format 3": "a database. Write its table as Parquet or CSV",
}


class Rows(Sequence[Row]):
    """The rows of a table of text. They are held in columns: a row is made when it is asked for, so that a table of
    400,000 rows and 55 columns takes hundreds of megabytes, not several thousand.

    frame: every column is text, "" where empty. notes: what a reader of the result must know of how it was read.
    commas: whether a comma between digits can be a decimal sign, as semicolons or tabs part the cells.
    """

    def __init__(self, frame: pl.DataFrame, notes: Sequence[str] = (), commas: bool = False) -> None:
        self.frame = frame
        self.notes = tuple(notes)
        self.commas = commas

    def __len__(self) -> int:
        return len(self.frame)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> Rows: ...
    def __getitem__(self, at: int | slice) -> Row | Rows:
        if isinstance(at, slice):
            return Rows(self.frame[at], self.notes, self.commas)
        return self.frame.row(at, named=True)

    def __iter__(self) -> Iterator[Row]:
        return self.frame.iter_rows(named=True)


def read_table(path: Path | str, header: Sequence[str] = ()) -> tuple[list[str], Rows]:
    """(columns, rows) of a table; cells are stripped text, "" where empty. Blank lines are skipped.

    The separator is the one of comma, semicolon, tab and bar that fits the first lines; a "sep=" line decides. `header`
    names the columns of a table that may come without a header line: the first line is one only if it begins as
    `header` does. Empty columns without a name are dropped. Whole numbers of a Parquet file are text without a point.
    Raises CutisError for a file that is missing, empty, no table, in an encoding that isn't known for sure, without
    rows, or ragged.
    """
    path = Path(path)
    frame, notes, separator = _loaded(path, header)
    frame = without_blanks(pl.DataFrame({c.name: trimmed_cells(as_text(c)) for c in frame.iter_columns()}))
    frame = frame.with_columns(pl.all().fill_null(""))
    if not len(frame):
        raise CutisError(f"{path}: a header line but no rows.")
    return frame.columns, Rows(frame, notes, separator in (";", "\t"))


def load_table(path: Path | str) -> tuple[pl.DataFrame, list[str]]:
    """(table, notes): as `read_table`, with null for an empty cell, and with a Parquet file's own types.

    Columns of row numbers, as pandas and R write them, are dropped.
    """
    path = Path(path)
    table, notes, _ = _loaded(path)
    table = table.select(c for c in table.columns if not is_row_numbers(c))
    if not len(table) or not table.width:
        raise CutisError(f"{path}: no rows. Expected one row per image.")
    return table, notes


def read_parquet(path: Path | str, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """The Parquet file at exactly `path`. Raises what polars does: OSError or polars.exceptions.PolarsError."""
    chosen = None if columns is None else list(columns)
    return pl.read_parquet(_exactly(path), columns=chosen, glob=False, hive_partitioning=False)


def scan_parquet(path: Path | str) -> pl.LazyFrame:
    """As `read_parquet`, read when it is collected."""
    return pl.scan_parquet(_exactly(path), glob=False, hive_partitioning=False)


def is_parquet(path: Path | str) -> bool:
    """Whether a file holds Parquet, whatever its name. Raises CutisError as `read_table` does for what is no table."""
    return _kind(Path(path)) == "parquet"


def read_header(path: Path | str) -> list[str]:
    """The column names of a table, or [] for a file that has none; cheap, and raises nothing."""
    path = Path(path)
    try:
        kind = _kind(path)
        if kind == "parquet":
            return scan_parquet(path).collect_schema().names()
        with path.open("rb") as file:
            head = file.read(HEAD)
        encoding, mark = encoding_of(head, path)
        text = codecs.getincrementaldecoder(encoding)("replace").decode(head[mark:])
        if kind == "json":
            first = json.loads(text.partition("\n")[0])
            return list(first) if isinstance(first, dict) else []
        return [name for name in beginning(text, path).names if name]
    except (OSError, ValueError, csv.Error, CutisError, pl.exceptions.PolarsError):
        return []


def read_text(path: Path | str) -> str:
    """The text of a small file, decoded as a table's is, with "\\n" for its line ends. Raises as `read_table` does."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None
    text, _ = decoded(data, path)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _loaded(path: Path, header: Sequence[str] = ()) -> tuple[pl.DataFrame, list[str], str]:
    """(table, notes, separator or "")."""
    kind = _kind(path)
    try:
        if kind == "text":
            return separated_table(path, _exactly(path), header)
        return (read_parquet(path) if kind == "parquet" else _json_lines(path)), [], ""
    except OSError as error:
        raise _unreadable(path, error) from None
    except pl.exceptions.PolarsError:
        raise CutisError(f"{path}: not a Parquet file, or damaged. Write it again, or as CSV.") from None


def _exactly(path: Path | str) -> str:
    """An absolute path: polars takes "~" for a home folder, and others for the address of a server."""
    return str(Path(path).absolute())


def _kind(path: Path) -> str:
    """ "text", "json" or "parquet". Raises CutisError for a file that is missing or is no table."""
    if not path.is_file():
        what = "a folder; name the table in it" if path.is_dir() else "no such file"
        raise CutisError(f"{path}: {what if path.is_dir() or not path.exists() else 'not a file'}.")
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise _unreadable(path, error) from None
    if head.startswith(b"PAR1"):
        return "parquet"
    if path.suffix.casefold() in _PARQUET:
        raise CutisError(f"{path}: not a Parquet file, or damaged. Write it again, or as CSV.")
    other = next((words for magic, words in _OTHERS.items() if head.startswith(magic)), None)
    if other is not None:
        raise CutisError(f"{path}: {other}.")
    if path.suffix.casefold() in _JSON:
        return "json"
    if _IS_JSON.match(head.removeprefix(codecs.BOM_UTF8)):
        raise CutisError(f"{path}: JSON. Write it as CSV, or an object per line in a file whose name ends in .jsonl.")
    return "text"


def _unreadable(path: Path, error: OSError) -> CutisError:
    if isinstance(error, PermissionError):
        return CutisError(f"{path}: no permission to read it.")
    return CutisError(f"{path}: {'no such file' if isinstance(error, FileNotFoundError) else error.strerror}.")


def _json_lines(path: Path) -> pl.DataFrame:
    """A JSON object per line as a table of text; whole numbers are without a point."""
    names: dict[str, None] = {}
    rows: list[dict[str, str | None]] = []
    for at, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise CutisError(f"{path}: line {at}: not a JSON object; expected one per line, or a CSV.")
        rows.append({key: _cell(value) for key, value in row.items()})
        names |= dict.fromkeys(row)
    if not rows:
        raise CutisError(f"{path}: empty; expected a JSON object per line.")
    columns = [pl.Series(n, [row.get(n) for row in rows], dtype=pl.String) for n in names]
    return without_blanks(named(columns, list(names), path))


def _cell(value: Any) -> str | None:
    if isinstance(value, float):
        return None if value != value else str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, str | bool):
        return trimmed(str(value))
    return None if value is None else json.dumps(value, ensure_ascii=False)
