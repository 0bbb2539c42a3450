"""Import: from files somewhere to a dataset folder of clean images, a typed manifest and a card."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from cutis.data.clean import clean_image, clean_mask
from cutis.data.dataset import Dataset
from cutis.data.readers import READERS, Found, Options, Record
from cutis.data.readers.table import typed
from cutis.data.threads import ordered
from cutis.errors import CutisError, nearest
from cutis.files import atomic_folder, refuse_existing
from cutis.image.decode import BadImage
from cutis.progress import Progress, silent
from cutis.schema.licence import licence as licence_named
from cutis.schema.manifest import MANIFEST, OPTIONAL, conform
from cutis.schema.spelling import SameIds, answered, check_same_ids

TYPES = MANIFEST | OPTIONAL
_RESERVE = 50 * 2**20  # bytes left free on the disk


@dataclass(frozen=True)
class _Stored:
    """What became of one record: manifest values of the image file, and how it was read."""

    values: dict[str, Any]
    frames: int = 1
    recoded: bool = False
    mask_problem: str = ""


def import_dataset(
    src: Path | str,
    dest: Path | str,
    reader: str = "auto",
    *,
    label: str | None = None,
    columns: Mapping[str, str] | None = None,
    images: Path | str | None = None,
    name: str | None = None,
    licence: str | None = None,
    attribution: str | None = None,
    allow_missing: bool = False,
    table_only: bool = False,
    same_ids: SameIds = "ask",
    progress: Progress[Any] = silent,
) -> Dataset:
    """Make the dataset folder `dest` from `src` and return it.

    reader: a name in `cutis.data.readers.READERS`, or "auto" (the first that recognises `src`).
    label: CSV column that holds the class, taken as plain labels. columns: field -> CSV column, for names that aren't
        the usual ones ("" leaves a field out). images: where a CSV's images lie, if not beside it.
    name, licence, attribution: of the dataset, where the reader doesn't know or you know better.
    allow_missing: CSV rows without their image become rows with status "error".
    table_only: leave the images where they are; every row has status "listed". For counting, linting and merging
        what is known of images that aren't here.
    same_ids: what patients and lesions are whose ids may be one though they are spelled otherwise ("P7" and "p7"):
        "fold" joins them, "keep" says that they are different, "ask" leaves the question, noted on the card.
    progress: e.g. `cutis.progress.track`.

    Images lose EXIF, GPS and all other metadata (see `cutis.data.clean`). One that can't be read is a row with status
    "error" and its reason. The same source gives the same digest. Nothing is left at `dest` if the import fails or is
    interrupted. Raises CutisError: see the readers; also if `dest` exists, the disk is too small, or no image is
    readable.
    """
    src, dest = Path(src), Path(dest)
    if not src.exists():
        raise CutisError(f"{src}: no such file or folder to import.")
    refuse_existing(dest)
    check_same_ids(same_ids)
    folder_of_images = Path(images) if images is not None else None
    options = Options(label, dict(columns or {}), folder_of_images, allow_missing, table_only)
    try:
        if src.is_dir():
            next(src.iterdir(), None)  # readers look for names, and a folder that may not be read seems empty to them
        chosen = READERS[_choose(reader, src)]
        if src.is_file() and not chosen.takes_file:
            raise CutisError(f"{src}: reader {chosen.name} takes a folder. Name the folder that holds this file.")
        found = chosen.read(src, options)
    except PermissionError as error:
        raise CutisError(f"{error.filename}: no permission to read it.") from None
    try:
        card = found.card.model_copy(
            update={
                key: value
                for key, value in (
                    ("name", name),
                    ("licence", licence_named(licence).id if licence else None),
                    ("attribution", attribution),
                )
                if value is not None
            }
        )
        said = same_ids if same_ids != "ask" else card.same_ids  # a layout that holds a card may know
        table, _, notes = answered(_table(found, f"{src}"), said)
        card = card.model_copy(update={"notes": (*card.notes, *notes), "same_ids": said})
        if table_only:
            table = table.with_columns(status=pl.lit("listed"), file=pl.lit(None, pl.String))
            with atomic_folder(dest) as folder:
                saved = Dataset(folder, card, table).save_into(folder)
            return Dataset(dest, saved.card, saved.manifest)
        with atomic_folder(dest) as folder:
            _check_disk(found, dest)
            (folder / "images").mkdir()
            if any(r.mask for r in found.records):
                (folder / "masks").mkdir()
            with closing(ordered(partial(_store, folder), found.records)) as work:  # no thread writes on after a stop
                stored = list(progress(work, len(found.records), "import"))
            table = _with_files(table, stored)
            if not (table["status"] == "ok").any():
                raise CutisError(
                    f"{src}: none of the {len(table)} images can be read; the first: {table['reason'][0]}."
                )
            card = card.model_copy(update={"notes": (*card.notes, *_notes(table, stored))})
            saved = Dataset(folder, card, table).save_into(folder)
    finally:
        found.tree.close()
    return Dataset(dest, saved.card, saved.manifest)


def _choose(reader: str, src: Path) -> str:
    if reader in READERS:
        return reader
    if reader != "auto":
        raise CutisError(f'reader "{reader}": {nearest(reader, ["auto", *READERS])}')
    for name, candidate in READERS.items():
        if (src.is_dir() or candidate.takes_file) and candidate.recognises(src):
            return name
    layouts = "; ".join(f"{name}: {r.layout}" for name, r in READERS.items())
    raise CutisError(f"{src}: no layout that is known ({layouts}). Say which with --as.")


def _table(found: Found, where: str) -> pl.DataFrame:
    """The manifest before any image is read: typed, identity and values checked."""
    records = found.records
    names = list(dict.fromkeys(key for r in records for key in r.values))
    data: dict[str, pl.Series] = {}
    for key in names:
        column = [r.values.get(key) for r in records]
        data[key] = pl.Series(column, dtype=TYPES[key]) if key in TYPES else typed(column)
    for own in found.own if found.own is not None else ():
        if own.name not in data:
            data[own.name] = own.cast(TYPES[own.name]) if own.name in TYPES else typed(own)
    data["status"] = pl.Series(["ok"] * len(records))
    data["file"] = pl.Series(["not stored yet"] * len(records))
    table = conform(pl.DataFrame(data), where)
    for record, image_id in zip(records, table["image_id"], strict=True):
        record.values["image_id"] = image_id  # in its canonical form, as files are named by it
    for row, image_id in enumerate(table["image_id"], 1):
        if re.search(r"[/\\:\x00-\x1f]", image_id) or image_id.startswith(".") or len(image_id.encode()) > 200:
            raise CutisError(
                f'{where}: row {row}: image_id "{image_id[:60]}" cannot name a file: no "/", "\\", ":" or control '
                "characters, no leading dot, at most 200 bytes. Rename it."
            )
    folded = table["image_id"].str.to_lowercase()
    if folded.is_duplicated().any():
        clash = table["image_id"].filter(folded == folded.filter(folded.is_duplicated())[0]).to_list()
        raise CutisError(
            f'{where}: image_id "{clash[0]}" and "{clash[1]}" differ only in case; many disks cannot hold both. '
            "Rename one."
        )
    return table


def _check_disk(found: Found, dest: Path) -> None:
    needed = sum(blob.size for r in found.records for blob in (r.image, r.mask) if blob) + _RESERVE
    free = shutil.disk_usage(dest.absolute().parent).free
    if free < needed:
        raise CutisError(
            f"{dest}: about {needed / 1e6:.0f} MB are needed and {free / 1e6:.0f} MB are free on the disk. "
            "Free some space or choose another place."
        )


def _store(folder: Path, record: Record) -> _Stored:
    """Clean one image and its mask and write them. A bad image is an answer, not an error."""
    if record.image is None:
        return _Stored({"status": "error", "reason": record.reason})
    image_id = record.values["image_id"]
    try:
        data = record.image.read()
        clean = clean_image(data, record.image.name)
    except BadImage as error:
        return _Stored({"status": "error", "reason": error.reason})
    file = f"images/{image_id}{clean.extension}"
    (folder / file).write_bytes(clean.data)
    values: dict[str, Any] = {
        "status": "ok",
        "file": file,
        "width": clean.width,
        "height": clean.height,
        "sha256": hashlib.sha256(clean.data).hexdigest(),
    }
    problem = ""
    if record.mask is not None:
        try:
            mask, width, height = clean_mask(record.mask.read(), record.mask.name)
            if (width, height) == (clean.width, clean.height):
                values["mask"] = f"masks/{image_id}.png"
                (folder / values["mask"]).write_bytes(mask)
            else:
                problem = f"{width} x {height} for an image of {clean.width} x {clean.height}"
        except BadImage as error:
            problem = error.reason
    return _Stored(values, clean.header.frames, clean.extension == ".png" and clean.header.format != "PNG", problem)


def _with_files(table: pl.DataFrame, stored: list[_Stored]) -> pl.DataFrame:
    columns = ("status", "reason", "file", "mask", "width", "height", "sha256")
    return table.with_columns(
        pl.Series(column, [s.values.get(column) for s in stored], dtype=MANIFEST[column]) for column in columns
    )


def _notes(table: pl.DataFrame, stored: list[_Stored]) -> list[str]:
    notes = []
    bad = table.filter(pl.col("status") == "error")
    if len(bad):
        kinds = Counter(re.sub(r"\(.*|:.*", "", r).strip() for r in bad["reason"])
        kind = ", ".join(f"{n} {reason}" for reason, n in kinds.most_common(3))
        notes.append(f"{len(bad)} of {len(table)} images could not be read ({kind})")
    ids = table["image_id"]
    for what, hits in (
        ("were animations or had several pages: the first was kept", [s.frames > 1 for s in stored]),
        ("were stored as 8-bit RGB PNG", [s.recoded for s in stored]),
    ):
        if any(hits):
            notes.append(f"{sum(hits)} images {what}")
    masks = [(image_id, s.mask_problem) for image_id, s in zip(ids, stored, strict=True) if s.mask_problem]
    if masks:
        notes.append(f"{len(masks)} masks were left out (first: {masks[0][0]}, {masks[0][1]})")
    twins = int(table["sha256"].drop_nulls().is_duplicated().sum())
    if twins:
        notes.append(f"{twins} images are byte for byte the same as another")
    return notes
