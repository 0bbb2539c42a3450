"""A public release that is a table beside images: said as data, read by one function.

A reader file states its card, its facts, the table's file names and columns, and one function from a row to manifest
values; everything that can be wrong with the files is found and said here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cutis.data.dataset import DatasetCard
from cutis.data.files_in import Tree
from cutis.data.readers import values
from cutis.data.readers.base import Facts, Found, Options, Reader, Record
from cutis.data.readers.table import Row, own_columns, read_header, read_table
from cutis.errors import CutisError, nearest


@dataclass(frozen=True)
class Photo:
    """One image of a row: manifest values, and where it is: a path in the release, or an id to find by file name."""

    values: dict[str, Any]
    file: str = ""
    stem: str = ""
    mask: str = ""


@dataclass(frozen=True)
class Join:
    """A second table with more columns for the same rows. `key`: its column -> the main table's column of that id."""

    tables: tuple[str, ...]
    key: tuple[str, str]
    needs: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True)
class Release:
    """A release as data.

    tables: file names of the main table, glob patterns, the best first. needs: columns it must have; "a|b" is either.
    photos: (row, where) -> the images of that row (`where` names table and row, for errors). used: columns that
    `photos` speaks for; the others travel along. joins: further tables.
    """

    name: str
    layout: str
    card: DatasetCard
    facts: Facts
    tables: tuple[str, ...]
    needs: tuple[str, ...]
    photos: Callable[[Row, str], Iterable[Photo]]
    used: tuple[str, ...]
    joins: tuple[Join, ...] = ()

    def reader(self) -> Reader:
        return Reader(
            self.name, self.layout, self._recognises, self._read, card=self.card, facts=self.facts, takes_file=True
        )

    def _main(self, src: Path) -> Path | None:
        if src.is_file():
            return src if self._fits(src) else None
        return next((p for p in _matching(src, self.tables) if self._fits(p)), None)

    def _fits(self, table: Path) -> bool:
        header = set(read_header(table))
        return all(any(c in header for c in need.split("|")) for need in self.needs)

    def _recognises(self, src: Path) -> bool:
        return self._main(src) is not None

    def _table(self, src: Path) -> Path:
        """The main table; if none fits, an error that says which column of the likeliest one is missing."""
        found = self._main(src)
        if found is not None:
            return found
        likeliest = src if src.is_file() else next(_matching(src, self.tables), None)
        if likeliest is None:
            raise CutisError(f"{src}: no table named {' or '.join(self.tables)}; {self.name} is {self.layout}.")
        columns, _ = read_table(likeliest)
        lacking = next(n for n in self.needs if not any(c in columns for c in n.split("|")))
        first = lacking.split("|")[0]
        raise CutisError(f"{likeliest}: no column {lacking.replace('|', ' or ')}: {nearest(first, columns)}")

    def _read(self, src: Path, options: Options) -> Found:
        if options.label or options.columns:
            raise CutisError(f"reader {self.name} knows its columns; drop --label and --column, or use --as csv.")
        table = self._table(src)
        _, rows = read_table(table)
        for join in self.joins:
            rows = _joined(rows, join, table, src if src.is_dir() else src.parent)
        tree = Tree(options.images or (src if src.is_dir() else src.parent))
        try:
            records = list(self._records(rows, table, tree, options))
        except CutisError:
            tree.close()
            raise
        if not options.table_only and not any(r.image for r in records):
            tree.close()
            raise CutisError(
                f"{tree.root}: none of the {len(records)} images of {table.name} is here. "
                "Name their folder with --images, or import the table alone with --table-only."
            )
        return Found(self._card(records), records, tree)

    def _records(self, rows: Iterable[Row], table: Path, tree: Tree, options: Options) -> Iterator[Record]:
        for number, row in enumerate(rows, 1):
            own = own_columns(row, self.used)
            for photo in self.photos(row, f"{table.name}: row {number}"):
                found = {**own, **photo.values}
                if options.table_only:
                    yield Record(found, None)
                    continue
                name = photo.file or photo.stem
                image = tree.find(photo.file) if photo.file else None
                image = image or tree.find_image(photo.stem or Path(photo.file).stem)
                mask = tree.find(photo.mask) if photo.mask else tree.find_mask(photo.stem) if photo.stem else None
                yield Record(found, image, "" if image else f"image is missing: {name}", mask)

    def _card(self, records: list[Record]) -> DatasetCard:
        """The release's card with the classes that are here, in its own order."""
        present = {r.values.get("target") for r in records}
        absent = [c.code for c in self.card.classes if c.code not in present]
        notes = (f"no images of {', '.join(absent)}",) if absent else ()
        return self.card.model_copy(
            update={
                "classes": tuple(c for c in self.card.classes if c.code in present),
                "notes": (*self.facts.quirks, *notes),
            }
        )


def coded(cell: str, codes: Mapping[str, str], column: str, where: str) -> str | None:
    """The class code that a cell means (case doesn't matter), None if unknown; raises CutisError naming the nearest."""
    text = values.known(cell)
    if text is None:
        return None
    code = codes.get(text) or {k.casefold(): v for k, v in codes.items()}.get(text.casefold())
    if code is None:
        raise CutisError(f'{where}: {column} "{cell}": {nearest(text, codes)}')
    return code


def _matching(src: Path, patterns: Iterable[str]) -> Iterator[Path]:
    for pattern in patterns:
        yield from (p for p in sorted(src.glob(pattern)) if p.is_file() and not p.name.startswith("."))


def _joined(rows: Iterable[Row], join: Join, table: Path, folder: Path) -> list[Row]:
    path = next(_matching(folder, join.tables), None)
    if path is None:
        if join.optional:
            return list(rows)
        raise CutisError(f"{folder}: {table.name} is here but not {' or '.join(join.tables)}, which belongs to it.")
    columns, more = read_table(path)
    theirs, ours = join.key
    for need in (theirs, *join.needs):
        if need not in columns:
            raise CutisError(f"{path}: no column {need}: {nearest(need, columns)}")
    by_key = {row[theirs]: {c: v for c, v in row.items() if c != theirs} for row in more}
    empty = dict.fromkeys((c for c in columns if c != theirs), "")
    return [{**by_key.get(row[ours], empty), **row} for row in rows]
