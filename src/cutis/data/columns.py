"""Further columns of a dataset's manifest: what was measured of its images, or told of them, to group and learn by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from cutis.data.dataset import Dataset
from cutis.data.readers.csv_folder import ALIASES
from cutis.data.readers.own_columns import typed, with_points
from cutis.errors import CutisError, nearest
from cutis.files import only_writer
from cutis.image.decode import EXTENSIONS
from cutis.schema.identity import tidy_identity
from cutis.schema.manifest import MANIFEST
from cutis.schema.spelling import canonical_ids, folded, folded_ids
from cutis.schema.values import READ, read_column
from cutis.tables import as_text, find_column, is_parquet, is_row_numbers, load_table, read_table

_ENDING = rf"(?i)({'|'.join(map(re.escape, sorted(EXTENSIONS)))})$"


def add_columns(dataset: Dataset, table: pl.DataFrame, columns: Sequence[str] | None = None) -> Dataset:
    """The dataset with columns of `table`, joined by image_id, saved; images that the table lacks are unknown there.

    columns: which; None: all but image_id. A further column of the same name is replaced; labels, splits and the
    content digest stay as they are. What can't be read of a column that has a vocabulary (monk_skin_tone) is unknown,
    and a note of the card says how much. The dataset is read again, so that what another command added since stays.
    Raises CutisError for a table without image_id, with an image twice or with none of these images, and for a column
    that the manifest itself has or that isn't there.
    """
    if "image_id" not in table.columns:
        raise CutisError(
            f"{dataset.path}: columns to add: no column image_id; found {', '.join(table.columns)}. "
            "Call the one that says which image a row is so."
        )
    chosen = list(columns) if columns is not None else [c for c in table.columns if c != "image_id"]
    if not chosen:
        raise CutisError(f"{dataset.path}: columns to add: there is none beside image_id.")
    for column in chosen:
        if column.strip().casefold() in MANIFEST:
            raise CutisError(f"{dataset.path}: column {column} is the manifest's own and isn't replaced. Rename yours.")
        if column not in table.columns:
            raise CutisError(f'{dataset.path}: column "{column}": {nearest(column, table.columns)}')
    table = table.select(_ids(dataset, table), *chosen)
    table = tidy_identity(table, f"{dataset.path}: columns to add")
    if not table["image_id"].is_in(dataset.manifest["image_id"].implode()).any():
        raise CutisError(
            f"{dataset.path}: columns to add: none of their {len(table):,} images is in it (the first: "
            f'"{table["image_id"][0] if len(table) else ""}"; here: "{dataset.manifest["image_id"][0]}").'
        )
    read_notes = []
    for column in (c for c in chosen if c in READ):
        read, unread = read_column(column, table[column])
        table = table.with_columns(read)
        read_notes += [] if unread is None else [unread.words()]
    with only_writer(dataset.path, "cutis columns"):
        now = Dataset.load(dataset.path)
        replaced = tuple(f"{c}: " for c in chosen if c in READ)
        notes = (*(note for note in now.card.notes if not note.startswith(replaced)), *read_notes)
        kept = now.manifest.drop([c for c in chosen if c in now.manifest.columns])
        joined = kept.join(table, on="image_id", how="left", maintain_order="left")
        return Dataset(now.path, now.card.model_copy(update={"notes": notes}), joined).save_into(now.path)


def strangers(dataset: Dataset, table: pl.DataFrame) -> tuple[int, str]:
    """How many rows of `table` are of no image of the dataset, and the first in words: its id, and the id here that it
    may be, spelled otherwise, or else the nearest."""
    given = _ids(dataset, table)
    here = dataset.manifest["image_id"]
    stray = given.filter(~given.is_in(here.implode()))
    if not len(stray):
        return 0, ""
    like = here.filter(folded_ids(here) == folded(str(stray[0])))
    near = f'did you mean "{like[0]}"?' if len(like) else nearest(str(stray[0]), here, most=3)
    return len(stray), f'"{stray[0]}"; {near}'


def _ids(dataset: Dataset, table: pl.DataFrame) -> pl.Series:
    """The table's image ids; of what is the name or the path of a file that the dataset lacks, its image's id."""
    given, here = canonical_ids(as_text(table["image_id"])), dataset.manifest["image_id"].implode()
    names = given.str.replace(r"^.*[/\\]", "").str.replace(_ENDING, "")
    return given.zip_with(given.is_in(here) | ~names.is_in(here), names)


def read_columns(path: Path | str) -> tuple[pl.DataFrame, list[str]]:
    """(table of columns to add, notes on how it was read): any table that Cutis reads, image_id as text.

    Columns of a text table are numbers or truths where every known cell is one, as at import. Raises CutisError if it
    can't be read.
    """
    if is_parquet(path):
        table, notes = load_table(path)
        key = find_column(table.columns, ALIASES["image_id"])
    else:
        names, rows = read_table(path)
        key = find_column(names, ALIASES["image_id"])
        rows = with_points(rows, {key or ""})
        kept = (c for c in rows.frame.iter_columns() if not is_row_numbers(c.name))
        table = pl.DataFrame({c.name: c if c.name == key else typed(c) for c in kept})
        notes = list(rows.notes)
    if key is not None:
        table = table.with_columns(as_text(table[key])).rename({key: "image_id"})
    return table, notes
