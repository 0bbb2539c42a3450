"""Further columns of a dataset's manifest: what was measured of its images, or told of them, to group and learn by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from cutis.data.dataset import Dataset
from cutis.errors import CutisError, nearest
from cutis.files import only_writer
from cutis.schema.identity import tidy_identity
from cutis.schema.manifest import MANIFEST
from cutis.schema.spelling import canonical_ids, folded, folded_ids


def add_columns(dataset: Dataset, table: pl.DataFrame, columns: Sequence[str] | None = None) -> Dataset:
    """The dataset with columns of `table`, joined by image_id, saved; images that the table lacks are unknown there.

    columns: which; None: all but image_id. A further column of the same name is replaced; labels, splits and the
    content digest stay as they are. The dataset is read again, so that what another command added since stays. Raises
    CutisError for a table without image_id, with an image twice or with none of these images, and for a column that
    the manifest itself has or that isn't there.
    """
    if "image_id" not in table.columns:
        raise CutisError(f"{dataset.path}: columns to add: no column image_id; found {', '.join(table.columns)}.")
    chosen = list(columns) if columns is not None else [c for c in table.columns if c != "image_id"]
    for column in chosen:
        if column in MANIFEST:
            raise CutisError(f"{dataset.path}: column {column} is the manifest's own and isn't replaced. Rename yours.")
        if column not in table.columns:
            raise CutisError(f'{dataset.path}: column "{column}": {nearest(column, table.columns)}')
    table = tidy_identity(table.select("image_id", *chosen), f"{dataset.path}: columns to add")
    if not table["image_id"].is_in(dataset.manifest["image_id"].implode()).any():
        raise CutisError(
            f"{dataset.path}: columns to add: none of their {len(table):,} images is in it (the first: "
            f'"{table["image_id"][0] if len(table) else ""}"; here: "{dataset.manifest["image_id"][0]}").'
        )
    with only_writer(dataset.path, "cutis columns"):
        now = Dataset.load(dataset.path)
        kept = now.manifest.drop([c for c in chosen if c in now.manifest.columns])
        joined = kept.join(table, on="image_id", how="left", maintain_order="left")
        return Dataset(now.path, now.card, joined).save_into(now.path)


def strangers(dataset: Dataset, table: pl.DataFrame) -> tuple[int, str]:
    """How many rows of `table` are of no image of the dataset, and the first in words: its id, and the id here that it
    may be, spelled otherwise."""
    given = canonical_ids(table["image_id"])
    stray = given.filter(~given.is_in(dataset.manifest["image_id"].implode()))
    if not len(stray):
        return 0, ""
    here = dataset.manifest.select("image_id", key=folded_ids(dataset.manifest["image_id"]))
    like = here.filter(key=folded(str(stray[0])))["image_id"]
    return len(stray), f'"{stray[0]}"' + (f'; did you mean "{like[0]}"?' if len(like) else "")


def read_columns(path: Path | str) -> pl.DataFrame:
    """A table of columns to add, CSV or Parquet. Raises CutisError if it can't be read."""
    path = Path(path)
    if not path.is_file():
        raise CutisError(f"{path}: no such file.")
    try:
        if path.suffix.lower() == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema_length=None)
    except (OSError, pl.exceptions.PolarsError):
        raise CutisError(f"{path}: not a CSV or Parquet table, or damaged.") from None
