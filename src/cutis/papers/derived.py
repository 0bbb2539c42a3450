"""A world's photographs as another dataset: split otherwise, or labelled more coarsely."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from cutis.data.dataset import Dataset
from cutis.data.split import load_split, split
from cutis.files import atomic_folder
from cutis.papers.claim import Made
from cutis.schema.classes import ClassInfo


def with_parts(data: Dataset) -> pl.DataFrame:
    """The manifest's rows that are in a part, with `part`."""
    parts = load_split(data).table.select("image_id", "part")
    return data.manifest.join(parts, on="image_id", how="inner", maintain_order="left")


def derived(
    made: Made,
    name: str,
    rows: pl.DataFrame,
    *,
    classes: Sequence[ClassInfo] | None = None,
    close: Sequence[str] | None = None,
) -> Dataset:
    """The dataset `name` in the world's folder, made there unless it was before; its images are the training set's.

    rows: of the manifest, and `part`. classes: other than the world's. close: as in `cutis.data.split.split`;
    ("image",) lets patients and lesions cross parts.
    """
    folder = made.folder / name
    if not folder.is_dir():
        with atomic_folder(folder) as partial:
            link_pictures(made.train, partial)
            card = made.train.card.model_copy(update={"classes": tuple(classes or made.train.card.classes)})
            manifest = rows.with_columns(pl.col("part").alias("source_split")).drop("part")
            split(Dataset(partial, card, manifest).save_into(partial), source=True, close=close)
    return Dataset.load(folder)


def link_pictures(data: Dataset, folder: Path) -> None:
    """Give `folder` the dataset's images and masks, as links."""
    for name in ("images", "masks"):
        if (data.path / name).is_dir():
            (folder / name).symlink_to((data.path / name).resolve(), target_is_directory=True)
