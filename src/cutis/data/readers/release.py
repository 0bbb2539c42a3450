"""A public release that is a table beside images: said as data, read by one function.

A reader file states its card, its facts, the table's file names and columns, and one function from a row to manifest
values; everything that can be wrong with the files is found and said here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.files_in import Tree
from cutis.data.readers.base import Facts, Found, Options, Reader, Record
from cutis.data.readers.own_columns import own_name
from cutis.errors import CutisError, nearest
from cutis.schema.classes import ClassInfo
from cutis.tables import Row, Rows, read_header, read_table


@dataclass(frozen=True)
class Photo:
    """One image of a row: manifest values, and where it is: a path in the release, or an id to find by file name.

    named: its class, where a release has more classes than its card lists; `target` is then its code.
    """

    values: dict[str, Any]
    file: str = ""
    stem: str = ""
    mask: str = ""
    named: ClassInfo | None = None


@dataclass(frozen=True)
class Join:
    """A second table with more columns for the same rows. `key`: its column -> the main table's column of that id.

    Every file that matches `tables` is read. as_ours: an id as this table writes it -> as the main table does.
    """

    tables: tuple[str, ...]
    key: tuple[str, str]
    needs: tuple[str, ...] = ()
    optional: bool = False
    as_ours: Callable[[str], str] | None = None


@dataclass(frozen=True)
class Release:
    """A release as data.

    tables: file names of the main table, glob patterns, the best first. needs: columns it must have; "a|b" is either.
    photos: (row, where) -> the images of that row (`where` names table and row, for errors). used: columns that
    `photos` speaks for; the others travel along. joins: further tables.

    parts: patterns of tables that together are the release -> what the release calls that part (`source_split`); in a
    folder, every one that is here is read. header: the columns of a main table that comes without a header line.
    gather: columns that hold lists; where several rows tell of one image they become one, their lists joined.
    beside: more values of an image, from small files of its own. Not asked for where only the table is wanted.
    parse: the main table -> columns and rows, where it is no CSV or where a row needs what lies beside it.
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
    parts: Mapping[str, str] = field(default_factory=dict)
    header: tuple[str, ...] = ()
    gather: tuple[str, ...] = ()
    beside: Callable[[Photo, Tree], Mapping[str, Any]] | None = None
    parse: Callable[[Path], tuple[list[str], Sequence[Row]]] = read_table

    def reader(self) -> Reader:
        return Reader(
            self.name, self.layout, self._recognises, self._read, card=self.card, facts=self.facts, takes_file=True
        )

    def _candidates(self, src: Path) -> list[Path]:
        if src.is_file():
            return [src]
        return list(_matching(src, self.parts)) or list(_matching(src, self.tables))

    def _fits(self, table: Path) -> bool:
        header = read_header(table)
        if self.header and len(header) == len(self.header) and values.is_isic_id(header[0]):
            header = list(self.header)
        return all(any(c in header for c in need.split("|")) for need in self.needs)

    def _recognises(self, src: Path) -> bool:
        """By name and columns: a table of other people's may have the same columns, so its name counts too."""
        if src.is_file() and not any(_is_called(src, pattern) for pattern in (*self.parts, *self.tables)):
            return False
        return any(self._fits(table) for table in self._candidates(src))

    def _tables(self, src: Path) -> list[Path]:
        """The main tables: every part that is here, else the best that fits. Raises CutisError if one lacks columns."""
        found = self._candidates(src)
        if not found:
            names = " or ".join((*self.parts, *self.tables))
            raise CutisError(f"{src}: no table named {names}; {self.name} is {self.layout}.")
        if not any(_is_called(found[0], pattern) for pattern in self.parts):
            by_pattern = ([t for t in found if _is_called(t, p) and self._fits(t)] for p in self.tables)
            fitting = list(dict.fromkeys(next((tables for tables in by_pattern if tables), found[:1])))
            if len(fitting) > 1:
                raise CutisError(
                    f"{src}: {fitting[0].name} and {fitting[1].name} can both be the table. Name the one that is meant."
                )
            found = fitting
        for table in found:
            if not self._fits(table):
                self._parse(table)  # what is wrong with the file itself comes first
                columns = read_header(table)
                lacking = next(n for n in self.needs if not any(c in columns for c in n.split("|")))
                first = lacking.split("|")[0]
                raise CutisError(f"{table}: no column {lacking.replace('|', ' or ')}: {nearest(first, columns)}")
        return found

    def _parse(self, table: Path) -> tuple[list[str], Sequence[Row]]:
        return read_table(table, self.header) if self.header else self.parse(table)

    def _read(self, src: Path, options: Options) -> Found:
        if options.label or options.columns:
            raise CutisError(f"reader {self.name} knows its columns; drop --label and --column, or use --as csv.")
        tables = self._tables(src)
        folder = src if src.is_dir() else src.parent
        tree = Tree(options.images or folder)
        records: list[Record] = []
        own: list[pl.DataFrame] = []
        named: dict[str, ClassInfo] = {}
        notes: list[str] = []
        try:
            for table in tables:
                _, rows = self._parse(table)
                notes += rows.notes if isinstance(rows, Rows) else ()
                for join in self.joins:
                    rows = _joined(rows, join, table, folder)
                    notes += rows.notes if isinstance(rows, Rows) else ()
                origin = self._add(records, rows, table, tree, options, named, notes)
                frame = rows.frame if isinstance(rows, Rows) else pl.DataFrame(list(rows), infer_schema_length=None)
                kept = (pl.col(c).alias(own_name(c)) for c in frame.columns if c not in self.used)
                own.append(frame.select(pl.int_range(pl.len()).alias(""), *kept)[origin])
        except CutisError:
            tree.close()
            raise
        if not options.table_only and not any(r.image for r in records):
            tree.close()
            raise CutisError(
                f"{tree.root}: none of the {len(records)} images of {tables[0].name} is here. "
                "Name their folder with --images, or import the table alone with --table-only."
            )
        classes = (*self.card.classes, *(named[code] for code in sorted(named)))
        card = present(self.card, classes, self.facts, records)
        card = card.model_copy(update={"notes": (*card.notes, *dict.fromkeys(notes))})
        return Found(card, records, tree, pl.concat(own, how="diagonal_relaxed").drop(""))

    def _add(
        self,
        records: list[Record],
        rows: Sequence[Row],
        table: Path,
        tree: Tree,
        options: Options,
        named: dict[str, ClassInfo],
        notes: list[str],
    ) -> list[int]:
        """Append the records of one table; returns the row (from 0) that each came from.

        named: classes that the card doesn't list, by code. notes: what of them the user must know.
        """
        licence = self.card.licence if self.card.licence != "unknown" else None
        every: dict[str, Any] = {
            "target": None,
            "source": self.card.name,
            "copyright_license": licence,
            "attribution": self.card.attribution or None,
        }
        part = next((name for pattern, name in self.parts.items() if _is_called(table, pattern)), None)
        if part:
            every["source_split"] = part
        origin: list[int] = []
        seen: dict[str, Record] = {}
        for at, row in enumerate(rows):
            where = f"{table.name}: row {at + 1}"
            for photo in self.photos(row, where):
                found = every | photo.values
                if photo.named:
                    first = named.setdefault(photo.named.code, photo.named)
                    found["target"] = first.code
                    if first.name != photo.named.name:
                        notes.append(f'"{first.name}" and "{photo.named.name}" are one class, {first.code}')
                if self.gather and (before := seen.get(found["image_id"])):
                    _gathered(before.values, found, self.gather, where)
                    continue
                record = Record(found, None) if options.table_only else self._record(photo, found, tree)
                records.append(record)
                origin.append(at)
                if self.gather:
                    seen[found["image_id"]] = record
        return origin

    def _record(self, photo: Photo, found: dict[str, Any], tree: Tree) -> Record:
        image = tree.find(photo.file) if photo.file else None
        image = image or tree.find_image(photo.stem or PurePosixPath(photo.file).name)
        mask = tree.find_mask(photo.mask or photo.stem) if photo.mask or photo.stem else None
        if self.beside:
            found.update(self.beside(photo, tree))
        return Record(found, image, "" if image else f"image is missing: {photo.file or photo.stem}", mask)


def present(card: DatasetCard, classes: Sequence[ClassInfo], facts: Facts, records: list[Record]) -> DatasetCard:
    """The card of a release with those of its `classes` that are here, in their order, and its quirks as notes."""
    here = {r.values.get("target") for r in records}
    absent = [c.code for c in classes if c.code not in here]
    return card.model_copy(
        update={
            "classes": tuple(c for c in classes if c.code in here),
            "notes": (*facts.quirks, *([f"no images of {', '.join(absent)}"] if absent else [])),
        }
    )


def stem(file: str) -> str | None:
    """The name of `file` without folders and extension, None for ""."""
    return PurePosixPath(file.replace("\\", "/")).stem or None


def coded(cell: str, codes: Mapping[str, str], column: str, where: str) -> str | None:
    """The class code that a cell means (case doesn't matter), None if unknown; raises CutisError naming the nearest."""
    text = values.known(cell)
    if text is None:
        return None
    code = codes.get(text) or {k.casefold(): v for k, v in codes.items()}.get(text.casefold())
    if code is None:
        raise CutisError(f'{where}: {column} "{cell}": {nearest(text, codes)}')
    return code


_TABBED = (".tab", ".tsv")  # what archives make of a .csv (Dataverse does)


def _matching(src: Path, patterns: Iterable[str]) -> Iterator[Path]:
    for pattern in patterns:
        stem, dot, ending = pattern.rpartition(".")
        alike = (pattern, *(f"{stem}{end}" for end in _TABBED if dot and ending == "csv"))
        found = (p for one in alike for p in sorted(src.glob(one)))
        yield from (p for p in found if p.is_file() and not p.name.startswith("."))


def _is_called(table: Path, pattern: str) -> bool:
    return table.match(pattern) or (table.suffix in _TABBED and table.with_suffix(".csv").match(pattern))


def _gathered(first: dict[str, Any], more: dict[str, Any], lists: Collection[str], where: str) -> None:
    """Join the lists of a further row of an image to its first's; in everything else the two must agree."""
    for key, value in more.items():
        if key in lists:
            first[key] = first[key] + value
        elif value != first[key]:
            raise CutisError(
                f'{where}: image "{more["image_id"]}" again, with {key} "{value}" where it was "{first[key]}". '
                "Rows of one image must agree."
            )


def _joined(rows: Sequence[Row], join: Join, table: Path, folder: Path) -> Sequence[Row]:
    paths = list(_matching(folder, join.tables))
    if not paths:
        if join.optional:
            return rows
        raise CutisError(f"{folder}: {table.name} is here but not {' or '.join(join.tables)}, which belongs to it.")
    theirs, ours = join.key
    found = []
    told: list[str] = []
    for path in paths:
        columns, more = read_table(path)
        told += more.notes
        for need in (theirs, *join.needs):
            if need not in columns:
                raise CutisError(f"{path}: no column {need}: {nearest(need, columns)}")
        found.append(more.frame)
    second = pl.concat(found, how="diagonal")
    if join.as_ours:
        second = second.with_columns(pl.Series(theirs, [join.as_ours(cell) for cell in second[theirs]], pl.String))
    notes = rows.notes if isinstance(rows, Rows) else ()
    first = rows.frame if isinstance(rows, Rows) else pl.DataFrame(list(rows), infer_schema_length=None)
    if ours not in first.columns:
        raise CutisError(f"{table}: no column {ours}, by which {paths[0].name} belongs to it.")
    # A column that both have is the main table's; of several rows of one id the last counts.
    second = second.rename({theirs: "\0id"})
    second = second.select("\0id", *(c for c in second.columns if c not in ("\0id", *first.columns)))
    second = second.unique("\0id", keep="last", maintain_order=True)
    if not second["\0id"].is_in(first[ours].implode()).any() and not join.optional:
        raise CutisError(f"{paths[0]}: none of its {theirs} is a {ours} of {table.name}; they don't belong together.")
    joined = first.join(second, left_on=ours, right_on="\0id", how="left", maintain_order="left")
    return Rows(joined.with_columns(pl.col(pl.String).fill_null("")), (*notes, *told))
