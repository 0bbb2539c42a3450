"""A dataset's images under a suite of corruptions, as a dataset of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl

from cutis.audit.suites import check_severities, find_corruptions
from cutis.data.dataset import PARTS, Dataset
from cutis.data.split import load_split
from cutis.data.threads import ordered
from cutis.errors import CutisError, nearest
from cutis.files import atomic_folder, refuse_existing
from cutis.image.corruptions.base import SEVERITIES, Corruption, Image, generator
from cutis.image.decode import read_square
from cutis.progress import Progress, silent

CLEAN = "none"  # the corruption of the unchanged images, whose severity is 0


def corrupt(
    dataset: Dataset | Path | str,
    dest: Path | str,
    *,
    suite: str = "dermoscopy",
    only: Sequence[str] | None = None,
    severities: Sequence[int] = SEVERITIES,
    part: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    size: int = 224,
    progress: Progress[Any] = silent,
) -> Dataset:
    """Make the dataset folder `dest`: every image, scaled to `size` x `size`, unchanged and under each corruption.

    Beside the manifest's own columns: `corruption` ("none" for the unchanged), `severity` (0 for them, else 1..5),
    `shift_value` and `shift_unit` (how much, in what), `original_id`. An image without a lesion_id gets one, so that
    its changed copies are never taken for independent of it; masks and boxes, which some changes would move, are left
    out. Images are PNG. The same dataset, names, seed and size give the same bytes.

    suite, only: see `suites.find_corruptions`. part: train, val, test or all (test if the dataset is split, else all).
    limit: at most so many images, drawn by `seed`. Raises CutisError for a name, severity, part or number that can't
    be, or an image that can't be read; nothing is left at `dest` then, nor after an interruption.
    """
    dest = Path(dest)
    refuse_existing(dest)
    data = dataset if isinstance(dataset, Dataset) else Dataset.load(dataset)
    chosen = find_corruptions(suite, only)
    levels = check_severities(severities)
    if not 8 <= size <= 2048:
        raise CutisError(f"size {size} is not in 8..2048 pixels.")
    if seed < 0:
        raise CutisError(f"seed is {seed}; expected a whole number from 0.")
    rows, part = _rows(data, part)
    if limit is not None:
        if limit < 1:
            raise CutisError(f"limit is {limit}; expected 1 or more.")
        rows = rows[np.sort(np.random.default_rng(seed).permutation(len(rows))[:limit])]
    with atomic_folder(dest) as folder:
        for name, severity in [(CLEAN, 0), *((c.name, s) for c in chosen for s in levels)]:
            (folder / _place(name, severity)).mkdir(parents=True)

        def work(job: tuple[str, str]) -> list[dict[str, Any]]:
            image_id, file = job
            image = read_square(data.path / file, size, file)
            made = [_written(folder, image_id, image)]
            for one in chosen:
                for severity in levels:
                    changed = one.apply(image, severity, generator(seed, image_id, one.name))
                    made.append(_written(folder, image_id, changed, one, severity))
            return made

        jobs = rows.select("image_id", "file").rows()
        made = [row for made in progress(ordered(work, jobs), len(jobs), "corrupt") for row in made]
        card = data.card.model_copy(
            update={
                "name": f"{data.card.name}-{suite}",
                "title": f"{data.card.title or data.card.name}, under the suite {suite}",
                "notes": (
                    *data.card.notes,
                    f"Images of {data.card.name} ({part}) as they are and changed: suite {suite}, seed {seed}, {size} "
                    "px. Good for measuring a model, not for training one that is to be measured on these changes.",
                ),
            }
        )
        saved = Dataset(folder, card, _manifest(rows, made, size)).save_into(folder)
    return Dataset(dest, saved.card, saved.manifest)


def _rows(data: Dataset, part: str | None) -> tuple[pl.DataFrame, str]:
    """The usable rows of a part by image_id, and the part's name."""
    if part is not None and part not in (*PARTS, "all"):
        raise CutisError(f'part "{part}": {nearest(part, (*PARTS, "all"))}')
    part = part or ("test" if (data.path / "splits" / "default.json").is_file() else "all")
    rows = data.usable().sort("image_id")
    if part != "all":
        members = load_split(data).table.filter(pl.col("part") == part).select("image_id")
        rows = rows.join(members, on="image_id", how="semi", maintain_order="left")
    if not len(rows):
        raise CutisError(f'{data.path}: no usable image in part "{part}".')
    if "corruption" in rows.columns:
        raise CutisError(f"{data.path}: made by cutis corrupt already. Name the dataset that it was made of.")
    return rows, part


def _place(name: str, severity: int) -> str:
    return f"images/{name}_{severity}" if severity else f"images/{name}"


def _written(
    folder: Path, image_id: str, image: Image, one: Corruption | None = None, severity: int = 0
) -> dict[str, Any]:
    """Write an image as PNG; its columns of the manifest."""
    name = one.name if one else CLEAN
    file = f"{_place(name, severity)}/{image_id}.png"
    data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    (folder / file).write_bytes(data)
    return {
        "original_id": image_id,
        "image_id": f"{image_id}__{name}_{severity}" if one else image_id,
        "file": file,
        "sha256": hashlib.sha256(data).hexdigest(),
        "corruption": name,
        "severity": severity,
        "shift_value": one.value(severity) if one else None,
        "shift_unit": one.unit if one else None,
    }


def _manifest(rows: pl.DataFrame, made: list[dict[str, Any]], size: int) -> pl.DataFrame:
    """The originals' rows, once for each image made of them."""
    schema = {"severity": pl.Int8(), "shift_value": pl.Float64(), "shift_unit": pl.String()}
    images = pl.DataFrame(made, schema_overrides=schema, infer_schema_length=None)
    side = pl.lit(size, pl.Int32)
    kept = rows.rename({"image_id": "original_id"}).drop("file", "sha256", "boxes", strict=False)
    return (
        images.join(kept, on="original_id", how="left", maintain_order="left")
        .with_columns(
            pl.col("lesion_id").fill_null(pl.format("image {}", "original_id")),
            pl.lit(None, pl.String).alias("mask"),
            side.alias("width"),
            side.alias("height"),
        )
        .select(*rows.drop("boxes", strict=False).columns, "corruption", *schema, "original_id")
    )
