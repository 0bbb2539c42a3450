"""What every layout shares: rows to write, and the image files beside them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.progress import Progress
from cutis.schema.licence import licence

# (dataset, folder, progress) -> sentences on what the layout could not hold.
Writer = Callable[[Dataset, Path, Progress[Any]], list[str]]


def licensed_rows(dataset: Dataset) -> pl.DataFrame:
    """The manifest by image_id, with licence and attribution in every row that has them from the card only."""
    table = dataset.manifest.sort("image_id")
    if dataset.card.licence != "unknown" and dataset.card.merged is None:
        table = table.with_columns(pl.col("copyright_license").fill_null(licence(dataset.card.licence).id))
    if dataset.card.attribution and dataset.card.merged is None:
        table = table.with_columns(pl.col("attribution").fill_null(dataset.card.attribution))
    return table


def copy_files(dataset: Dataset, table: pl.DataFrame, folder: Path, columns: tuple[str, ...], progress: Any) -> None:
    """Copy the files that `columns` ("file", "mask") of `table` name, under the same names.

    Copies, not links: what is done to an export must not reach the dataset.
    """
    rows = table.select(columns).rows()
    for files in progress(rows, len(rows), "export"):
        for file in files:
            if file is not None:
                (folder / file).parent.mkdir(exist_ok=True)
                try:
                    shutil.copyfile(dataset.path / file, folder / file)
                except (FileNotFoundError, shutil.SpecialFileError):
                    raise missing(dataset, file) from None


def missing(dataset: Dataset, file: str) -> CutisError:
    return CutisError(f"{dataset.path / file} is missing; the dataset is incomplete. Import it again.")


def without_image(table: pl.DataFrame) -> list[str]:
    """The note on rows that have no image, if there are any."""
    lacking = int((table["status"] != "ok").sum())
    if not lacking:
        return []
    return [f"{lacking} rows have no image: import them with --allow-missing, or all with --table-only"]
