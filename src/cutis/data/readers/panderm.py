"""PanDerm-style CSV: image, label (a number or a name) and split (train, val, test); images under one folder.

The layout that PanDerm's evaluation code and its prepared copies of public sets use (Yan et al., Nature Medicine 2025).
Read as any CSV is, with these columns known and the split's values held to those three.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cutis.data.readers import csv_folder
from cutis.data.readers.base import Found, Options, Reader
from cutis.errors import CutisError, nearest
from cutis.tables import read_header, read_table

NEEDS = ("image", "label", "split")
SPLITS = ("train", "val", "test")


def _tables(src: Path) -> list[Path]:
    found = [src] if src.is_file() else csv_folder.tables_in(src)
    return [p for p in found if set(NEEDS) <= set(read_header(p))]


def recognises(src: Path) -> bool:
    return bool(_tables(src))


def read(src: Path, options: Options) -> Found:
    if options.label or options.columns:
        raise CutisError("reader panderm knows its columns; drop --label and --column, or use --as csv.")
    tables = _tables(src)
    if len(tables) > 1:
        raise CutisError(
            f"{src}: {tables[0].name} and {tables[1].name} can both be the table. Name the one that is meant."
        )
    table = next(iter(tables), None)
    if table is None:
        likeliest = src if src.is_file() else next(iter(csv_folder.tables_in(src)), None)
        if likeliest is None:
            raise CutisError(f"{src}: no CSV in it; expected {READER.layout}.")
        columns, _ = read_table(likeliest)
        lacking = next(n for n in NEEDS if n not in columns)
        raise CutisError(f"{likeliest}: no column {lacking}: {nearest(lacking, columns)}")
    for number, row in enumerate(read_table(table)[1], 1):
        if row["split"] not in SPLITS:
            raise CutisError(f'{table}: row {number}: split "{row["split"]}": {nearest(row["split"], SPLITS)}')
    mapped = {"file": "image", "image_id": "", "target": "label", "source_split": "split"}
    return csv_folder.read(table, replace(options, columns=mapped, images=options.images or table.parent))


READER = Reader(
    name="panderm",
    layout="a PanDerm-style CSV: columns image, label and split, and a folder of images",
    recognises=recognises,
    read=read,
    takes_file=True,
    free_labels=True,
)
