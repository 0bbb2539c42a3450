"""A table of separated text: separator and header told from its first lines, then read whole, or refused."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from cutis.errors import CutisError
from cutis.tables.edges import trimmed, trimmed_cells
from cutis.tables.encoding import decoded, encoding_of, is_utf8

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
HEAD = 256 * 1024  # bytes from which encoding, separator and header are told
_CHUNK = 20_000  # rows parsed at a time
_BLOCK = 8 * 2**20  # bytes looked at at a time
_SNIFFED = 30  # records that a separator has to fit
_SEP_LINE = re.compile(r'\s*"?sep=(.)"?[;,\t|]*\s*', re.IGNORECASE)


class Beginning:
    """What the first lines tell. names: the first record. skip: whether a "sep=" line comes before it."""

    def __init__(self, names: list[str], separator: str, skip: bool) -> None:
        self.names = [" ".join(trimmed(name).split()) for name in names]
        self.separator = separator
        self.skip = skip


def beginning(text: str, path: Path) -> Beginning:
    """Separator and first record of the first lines of a table. Raises CutisError if there is none."""
    lines = io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n"))
    some = [line for line in lines if line.strip()]
    if not some:
        raise CutisError(f"{path}: empty; expected a CSV with a header line.")
    said = _SEP_LINE.fullmatch(some[0])
    if said:
        some = some[1:]
    separator = said[1] if said else max(SEPARATORS, key=lambda s: _fit(some, s))
    try:
        return Beginning(next(_records(some, separator), []), separator, said is not None)
    except csv.Error as error:
        raise CutisError(f"{path}: not a readable CSV ({error}).") from None


def _fit(lines: list[str], separator: str) -> tuple[bool, int]:
    """(whether the first records have cells as many as the header has, how many)."""
    found: list[list[str]] = []
    with suppress(csv.Error):  # also where the head ends within quotes
        found += islice(_records(lines, separator), _SNIFFED)  # up to what is wrong
    cells = len(found[0]) if found else 0
    return cells > 1 and all(len(_cut(record, cells)) == cells for record in found), cells


def _records(lines: Iterable[str], separator: str) -> Iterator[list[str]]:
    """Records that aren't blank, their cells stripped. strict: a quote that is never closed would swallow the rest."""
    for record in csv.reader(lines, delimiter=separator, skipinitialspace=separator != " ", strict=True):
        cells = [trimmed(cell) for cell in record]
        if any(cells):
            yield cells


def _cut(record: list[str], cells: int) -> list[str]:
    """A record without the empty cells that it has beyond the header's."""
    return record[:cells] if len(record) > cells and not any(record[cells:]) else record


def separated_table(path: Path, exactly: str, header: Sequence[str] = ()) -> tuple[pl.DataFrame, list[str], str]:
    """(table of text with null for an empty cell, notes, separator). exactly: `path` for polars. header: see
    `read_table`."""
    notes: list[str] = []
    data: bytes | None = None
    with path.open("rb") as file:
        head = file.read(HEAD)
        encoding, mark = encoding_of(head, path)
        if encoding != "utf-8" or not is_utf8(file):
            file.seek(0)
            text, notes = decoded(file.read(), path)
            data = text.encode()
            head, mark = data[:HEAD], 0
    if len(head) == HEAD:
        head = head[: head.rfind(b"\n") + 1] or head
    begun = beginning(codecs.getincrementaldecoder("utf-8")("replace").decode(head[mark:]), path)
    names, first = begun.names, True
    if header and (not names or names[0] != header[0]):
        names, first = list(header), False
    repeated = next((c for c in names if c and names.count(c) > 1), None)
    if repeated is not None:
        raise CutisError(f'{path}: column "{repeated}" appears twice in the header. Rename one.')
    table = None
    if not begun.skip:
        with path.open("rb") if data is None else io.BytesIO(data) as raw:
            plain = _is_plain(raw, begun.separator, len(names))
        table = _by_polars(exactly if data is None else data, begun.separator, first) if plain else None
    if table is None or table.width != len(names):
        with path.open("rb") if data is None else io.BytesIO(data) as raw:
            table = _by_records(raw, path, begun, len(names), first)
    return without_blanks(named(list(table.iter_columns()), names, path)), notes, begun.separator


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """The file in blocks that end with a line; without its mark, and without blank lines at its end."""
    block = file.read(_BLOCK).removeprefix(codecs.BOM_UTF8)
    while block:
        block += file.readline()
        more = file.read(_BLOCK)
        yield block if more.strip() else block.rstrip() + b"\n"
        if not more.strip() and not file.read(1):
            return
        block = more


def _is_plain(file: BinaryIO, separator: str, cells: int) -> bool:
    """Whether every line is one record of `cells` cells, quoted as RFC 4180 has it: polars then reads it faithfully.

    That no line has more cells is left to polars, which refuses one that has.
    """
    mark, sep = separator.encode(), ord(separator)
    at_edge = np.zeros(256, bool)  # what may stand beside a quote that begins or ends a cell, or is doubled in it
    at_edge[[sep, ord("\n"), ord('"')]] = True
    lines = separators = 0
    for block in _whole_lines(file):
        if block.count(b"\r") != block.count(b"\r\n") or b"\0" in block:
            return False
        if block[:1] in (b"\r", b"\n") or b"\n\n" in block or b"\n\r\n" in block:
            return False
        lines += block.count(b"\n")
        if b'"' not in block:
            separators += block.count(mark)
            continue
        a = np.frombuffer(block, np.uint8)
        quotes = a == ord('"')
        within = (np.cumsum(quotes, dtype=np.uint8) & 1).astype(bool)  # wraps at 256, which keeps what is even even
        at = np.flatnonzero(quotes)
        opening, closing = at[::2], at[1::2]
        before = a[np.maximum(opening - 1, 0)]
        after = a[np.minimum(closing + 1, len(a) - 1)]
        if (
            len(at) % 2
            or (within & (a == ord("\n"))).any()
            or not (at_edge[before] | (opening == 0)).all()
            or not (at_edge[after] | (after == ord("\r"))).all()
        ):
            return False
        separators += int((~within & (a == sep)).sum())
    return separators == (cells - 1) * lines


def _by_polars(source: str | bytes, separator: str, first: bool) -> pl.DataFrame | None:
    try:
        table = pl.read_csv(source, separator=separator, has_header=first, infer_schema=False, glob=False)
    except (pl.exceptions.PolarsError, OSError):
        return None  # the slower reader says what is wrong with it, or reads it
    return pl.DataFrame([trimmed_cells(c.cast(pl.String)) for c in table.iter_columns()])


def _by_records(file: BinaryIO, path: Path, begun: Beginning, cells: int, first: bool) -> pl.DataFrame:
    """The table record by record. Raises CutisError naming the record that has cells too few or too many."""
    parts = []
    with io.TextIOWrapper(file, "utf-8-sig") as text:  # any line end is read as "\n"
        lines = (_text(line, path) for line in text)
        if begun.skip:
            next(line for line in lines if line.strip())
        try:
            numbered = enumerate(islice(_records(lines, begun.separator), int(first), None), 1)
            while chunk := list(islice(numbered, _CHUNK)):
                rows = [_whole(_cut(record, cells), number, path, begun.separator, cells) for number, record in chunk]
                columns = zip(*rows, strict=True)
                parts.append(pl.DataFrame([pl.Series(str(k), c, pl.String) for k, c in enumerate(columns)]))
        except csv.Error as error:
            raise CutisError(
                f"{path}: not a readable CSV ({error}). A quote may be missing: quotes within quotes are doubled."
            ) from None
    return pl.concat(parts) if parts else pl.DataFrame({str(k): pl.Series([], dtype=pl.String) for k in range(cells)})


def _whole(record: list[str], number: int, path: Path, separator: str, cells: int) -> list[str]:
    if len(record) != cells:
        raise CutisError(
            f"{path}: row {number} has {len(record)} cells, the header {cells} (separator: "
            f"{SEPARATORS.get(separator, repr(separator))}). Quote cells that hold the separator, and use one "
            "separator throughout."
        )
    return record


def _text(line: str, path: Path) -> str:
    if "\0" in line:
        raise CutisError(f"{path}: binary data; expected a CSV with a header line.")
    return line


def named(columns: Sequence[pl.Series], names: Sequence[str], path: Path) -> pl.DataFrame:
    """The columns under their names. One without a name is kept as "" if it holds anything, as row numbers do.

    Raises CutisError for two of those.
    """
    held = [k for k, name in enumerate(names) if name or (columns[k].is_not_null() & (columns[k] != "")).any()]
    nameless = [str(k + 1) for k in held if not names[k]]
    if len(nameless) > 1:
        raise CutisError(f"{path}: columns {' and '.join(nameless[:2])} have no name. Name them in the header.")
    return pl.DataFrame({names[k]: columns[k] for k in held})


def without_blanks(table: pl.DataFrame) -> pl.DataFrame:
    """The table of text with null for an empty cell, and without rows that hold nothing."""
    table = table.with_columns(pl.when(pl.all() != "").then(pl.all()))
    if not table.width:
        return table
    blank = table.select(pl.all_horizontal(pl.all().is_null())).to_series()
    return table.filter(~blank) if blank.any() else table
