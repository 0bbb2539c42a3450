"""tone.parquet: the estimated skin tone of a dataset's images, one row an image, beside the manifest and never in it.

Columns: image_id; of each method ita_<m>, low_<m>, high_<m> (degrees; null if refused) and reason_<m>; and of the
project's own method hue, monk, status and reason, with the lesion's contrast_ciede2000 and contrast_coco (see
`cutis.image.tone`). A tone of a photograph is no skin type: `fitzpatrick_skin_type` is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl

from cutis.data.dataset import Dataset
from cutis.data.threads import ordered
from cutis.errors import CutisError, nearest
from cutis.files import write_parquet
from cutis.image.decode import BadImage, decode, probe, read_bytes
from cutis.image.tone import METHODS, Photo, estimate_tones
from cutis.image.tone.contrast import photo_contrast
from cutis.image.tone.estimate import DEFAULT
from cutis.image.tone.skin_pixels import WORK
from cutis.progress import Progress, silent


def tone_path(dataset: Dataset) -> Path:
    return dataset.path / "tone.parquet"


def tone_schema(methods: Sequence[str]) -> dict[str, pl.DataType]:
    """Column -> type of tone.parquet with these methods."""
    schema: dict[str, pl.DataType] = {"image_id": pl.String()}
    for m in methods:
        schema |= {f"{what}_{m}": pl.Float64() for what in ("ita", "low", "high")} | {f"reason_{m}": pl.String()}
    return schema | {
        "hue": pl.Float64(),
        "monk": pl.Int8(),
        "contrast_ciede2000": pl.Float64(),
        "contrast_coco": pl.Float64(),
        "status": pl.String(),
        "reason": pl.String(),
    }


def estimate_dataset(
    dataset: Dataset, methods: Sequence[str] | None = None, *, seed: int = 0, progress: Progress[Any] = silent
) -> pl.DataFrame:
    """Measure every readable image, with its lesion mask if it has one, write tone.parquet and return it.

    methods: names of `cutis.image.tone.METHODS`; None: all. The project's own is always among them. An image or mask
    that can't be read, or a mask of another size, is a row with status "error" and its reason. Same seed, same numbers.
    Raises CutisError for an unknown method and for a dataset without images.
    """
    chosen = list(dict.fromkeys([DEFAULT, *(METHODS if methods is None else methods)]))
    unknown = next((m for m in chosen if m not in METHODS), None)
    if unknown is not None:
        raise CutisError(f'tone method "{unknown}": {nearest(unknown, METHODS)}')
    usable = dataset.usable().select("image_id", "file", "mask")
    if not len(usable):
        raise CutisError(f"{dataset.path}: no readable images to measure.")
    work = partial(_row, dataset.path, chosen, seed)
    rows = list(progress(ordered(work, usable.iter_rows()), len(usable), "measure tone"))
    table = pl.DataFrame(rows, schema=tone_schema(chosen))
    write_parquet(tone_path(dataset), table)
    return table


def read_tone(dataset: Dataset) -> pl.DataFrame:
    """tone.parquet. Raises CutisError if it isn't there, or is damaged."""
    path = tone_path(dataset)
    if not path.is_file():
        raise CutisError(f"{path}: no such file. Make it with: cutis tone {dataset.path}")
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError):
        raise CutisError(f"{path}: not a Parquet table, or damaged. Make it with: cutis tone {dataset.path}") from None


def measure(
    image: bytes, mask: bytes | None, image_id: str, methods: Sequence[str], *, seed: int = 0
) -> dict[str, object]:
    """One row of tone.parquet from an image's and a mask's bytes. Raises BadImage, or CutisError for unlike sizes."""
    header = probe(image, image_id)
    # A photograph need not be decoded whole to be measured at working size.
    pixels = decode(image, image_id, least=WORK)
    photo = Photo(
        pixels, None if mask is None else mask_at(mask, image_id, (header.height, header.width), pixels.shape[:2])
    )
    # Every image has a stream of its own: other images, or their order, don't change its interval.
    rng = np.random.default_rng([seed, *image_id.encode()])
    tones = estimate_tones(photo, methods=methods, rng=rng)
    row: dict[str, object] = {"image_id": image_id}
    for m, tone in tones.items():
        row |= {f"ita_{m}": tone.ita, f"low_{m}": tone.low, f"high_{m}": tone.high, f"reason_{m}": tone.reason}
    own, apart = tones[DEFAULT], photo_contrast(photo)
    return row | {
        "hue": own.hue,
        "monk": own.monk,
        "contrast_ciede2000": apart.ciede2000,
        "contrast_coco": apart.coco,
        "status": own.status,
        "reason": own.reason,
    }


def _row(folder: Path, methods: Sequence[str], seed: int, item: tuple[str, str, str | None]) -> dict[str, object]:
    image_id, file, mask = item
    try:
        return measure(
            read_bytes(folder / file), read_bytes(folder / mask) if mask else None, image_id, methods, seed=seed
        )
    except BadImage as error:
        why = error.reason
    except CutisError as error:
        why = str(error)
    empty = dict.fromkeys(tone_schema(methods))
    return empty | {"image_id": image_id, "status": "error", "reason": why} | {f"reason_{m}": why for m in methods}


def mask_at(data: bytes, name: str, whole: tuple[int, int], wanted: tuple[int, ...]) -> np.ndarray:
    """A lesion mask, bool (h, w), at the size at which the image was decoded."""
    mask = (decode(data, f"mask of {name}")[..., 0] > 127).astype(np.float32)
    if mask.shape != whole:
        raise CutisError(
            f"its mask is {mask.shape[1]} x {mask.shape[0]} pixels, the image {whole[1]} x {whole[0]}; "
            "they must be of one size"
        )
    height, width = wanted
    return np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA) > 0)
