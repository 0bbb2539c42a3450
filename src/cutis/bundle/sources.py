"""What to predict: a dataset's rows, a folder of images, or files; as one table of rows with a file each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from cutis.bundle.card import BundleCard
from cutis.data.dataset import PARTS, Dataset
from cutis.data.dicom.part10 import is_dicom_name
from cutis.data.split import load_split
from cutis.errors import CutisError, nearest
from cutis.image.decode import EXTENSIONS
from cutis.schema.manifest import MANIFEST
from cutis.schema.predictions import ATTRIBUTES, with_age_band
from cutis.schema.spelling import canonical

_COLUMNS = ("image_id", "lesion_id", "patient_id", "source", "target")


@dataclass(frozen=True)
class Source:
    """Rows to predict: identity, target, the attributes present, `file` (relative to `images`). limits: see
    `gather`."""

    rows: pl.DataFrame
    images: Path
    dataset: str = ""
    dataset_digest: str = ""
    split: dict[str, Any] | None = None
    part: str = ""
    limits: tuple[str, ...] = ()

    def paths(self) -> list[Path]:
        return [self.images / name for name in self.rows["file"].to_list()]


def gather(source: Dataset | Path | str | Sequence[Path | str], part: str | None, card: BundleCard) -> Source:
    """The rows of `source`, checked against the bundle that will predict them.

    source: a Dataset or its folder; a folder of images (searched in depth, sorted); one image; or a list of images.
    part: of a dataset: "train", "val", "test" or "all"; None is "test" if it is split, else "all".
    `limits` tells what a reader must know: images the model learned from, another dataset, unknown classes.
    Raises CutisError if there is nothing to predict, or a dataset was split again since the bundle was trained on it.
    """
    if part is not None and part not in (*PARTS, "all"):
        raise CutisError(f'part "{part}": {nearest(part, (*PARTS, "all"))}')
    if isinstance(source, Dataset):
        return _of_dataset(source, part, card)
    if not isinstance(source, str | Path):
        return _of_files([Path(p) for p in source], part)
    path = Path(source)
    if (path / "dataset.json").is_file():
        return _of_dataset(Dataset.load(path), part, card)
    if path.is_dir():
        found = [
            Path(folder, name)
            for folder, _, names in os.walk(path)
            for name in names
            if (Path(name).suffix.casefold() in EXTENSIONS or is_dicom_name(name)) and not name.startswith(".")
        ]
        if not found:
            raise CutisError(f"{path}: no image in this folder or below it (looked for .jpg, .png, .tif and the like).")
        return _of_files(sorted(found, key=lambda p: p.relative_to(path).as_posix()), part, path)
    if path.is_file():
        return _of_files([path], part)
    raise CutisError(f"{path}: no such file or folder. Give a dataset, a folder of images or an image.")


def _of_files(files: Sequence[Path], part: str | None, root: Path | None = None) -> Source:
    if part not in (None, "all"):
        raise CutisError(f'part "{part}": only a dataset has parts; these are image files. Leave part out.')
    if not files:
        raise CutisError("no images given: the list is empty.")
    if root is None:
        root = Path(os.path.commonpath([p.absolute().parent for p in files]))
        names = [p.absolute().relative_to(root).as_posix() for p in files]
    else:
        names = [p.relative_to(root).as_posix() for p in files]
    # An id is the name without its extension (as in the ISIC Archive), unless two files would share it.
    stems = pl.Series([name.removesuffix(Path(name).suffix) for name in names])
    ids = [name if twice else stem for name, stem, twice in zip(names, stems, stems.is_duplicated(), strict=True)]
    ids = [canonical(i) or i for i in ids]
    if len(set(ids)) < len(ids):
        twice = next(i for i in ids if ids.count(i) > 1)
        raise CutisError(f'image "{twice}" is given more than once. Give each image once.')
    rows = pl.DataFrame({"image_id": ids, "file": names}).with_columns(
        pl.lit(None, pl.String()).alias(column) for column in _COLUMNS[1:]
    )
    return Source(rows.select(*_COLUMNS, "file"), root.absolute())


def _of_dataset(dataset: Dataset, part: str | None, card: BundleCard) -> Source:
    same = bool(card.dataset_digest) and dataset.card.digest == card.dataset_digest
    is_split = (dataset.path / "splits" / "default.json").is_file()
    limits: list[str] = []
    split = None
    rows = dataset.usable()
    part = part or ("test" if is_split else "all")
    if part != "all":
        made = load_split(dataset)
        if same and made.proof.digest != card.split.get("digest"):
            raise CutisError(
                f"{dataset.path}: split again since this bundle was trained on it, so its {part} part may hold "
                "images the "
                "model learned from. Restore that split, train again, or ask for part all."
            )
        rows = rows.join(made.table.filter(pl.col("part") == part).select("image_id"), on="image_id", how="semi")
        if same and part != "train":
            split = made.proof.model_dump(mode="json")
        if same and part == "val":
            limits.append("The model was calibrated and its checkpoint chosen on these validation images.")
    elif unreadable := len(dataset.manifest) - len(rows):
        limits.append(f"{unreadable} images of the dataset could not be read when it was imported and are not here.")
    if same and part in ("all", "train"):
        limits.append("The model learned from images that are in this file: its numbers here are too good.")
    if not same:
        limits.append(
            f"Predicted on {dataset.card.name}, not on the dataset the model learned from ({card.dataset}); whether "
            "they "
            "share patients is not known."
        )
    if not len(rows):
        raise CutisError(f'{dataset.path}: no usable image in part "{part}".')
    known = [c.code for c in card.classes]
    strange = rows.filter(pl.col("target").is_not_null() & ~pl.col("target").is_in(known))["target"].value_counts()
    for code, n in strange.sort("target").rows():
        limits.append(f'{n} images have target "{code}", a class this model does not know: their target is left empty.')
    rows = rows.with_columns(pl.when(pl.col("target").is_in(known)).then(pl.col("target")).alias("target"))
    rows = with_age_band(rows)
    attributes = [c for c in ("age_approx", *ATTRIBUTES) if c in rows.columns and c not in _COLUMNS]
    attributes = [c for c in attributes if c in MANIFEST or rows[c].null_count() < len(rows)]
    return Source(
        rows.select(*_COLUMNS, *attributes, "file"),
        dataset.path.absolute(),
        dataset=dataset.card.name,
        dataset_digest=dataset.card.digest,
        split=split,
        part=part,
        limits=tuple(limits),
    )
