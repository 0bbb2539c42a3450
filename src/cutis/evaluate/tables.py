"""A CSV or Parquet file as a table: separator found, every cell text in a CSV, and each way it can be wrong named."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl

from cutis.errors import CutisError

_SEPARATORS = (",", ";", "\t", "|")


def load_table(path: Path) -> pl.DataFrame:
    """The table of a file; columns of a CSV are text, with null for an empty cell.

    Columns without a name (a spreadsheet's or pandas' row numbers) are dropped. Raises CutisError for a file that is
    missing, unreadable, not UTF-8, ragged, without rows, or that names a column twice.
    """
    if not path.is_file():
        raise CutisError(f"{path}: no such file.")
    parquet = path.suffix.casefold() in (".parquet", ".pq")
    table = _parquet(path) if parquet else _csv(path)
    table = table.select(c for c in table.columns if c.strip() and not c.startswith(("Unnamed: ", "__index_level_")))
    if not len(table):
        raise CutisError(f"{path}: no rows. Expected one row an image.")
    return table


def _parquet(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError):
        raise CutisError(f"{path}: not a Parquet file, or damaged. Write it again, or as CSV.") from None


def _csv(path: Path) -> pl.DataFrame:
    try:
        with path.open(encoding="utf-8-sig", newline="") as f:
            first = f.readline()
    except UnicodeDecodeError:
        raise CutisError(f"{path}: not UTF-8 text; expected a CSV or Parquet file. Save it as UTF-8 CSV.") from None
    except OSError:
        raise CutisError(f"{path}: can't be read; see its permissions.") from None
    if not first.strip() or "\0" in first:
        raise CutisError(f"{path}: {'binary data' if first.strip() else 'empty'}; expected a CSV with a header line.")
    separator = max(_SEPARATORS, key=first.count)
    header = next(csv.reader([first], delimiter=separator))
    repeated = next((c for c in header if c and header.count(c) > 1), None)
    if repeated is not None:
        raise CutisError(f'{path}: column "{repeated}" appears twice in the header. Rename one.')
    try:
        table = pl.read_csv(path, separator=separator, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        why = " ".join(str(error).split())[:120]
        raise CutisError(
            f"{path}: not a readable CSV ({why}). Use one separator throughout, and quote cells that hold it."
        ) from None
    return table.rename({c: c.strip() for c in table.columns})
