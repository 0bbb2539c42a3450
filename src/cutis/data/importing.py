"""Import: from files somewhere to a dataset folder of clean images, a typed manifest and a card."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from cutis.data.clean import CleanMask, clean_image, clean_mask
from cutis.data.dataset import Dataset
from cutis.data.readers import READERS, Found, Options, Record
from cutis.data.readers.own_columns import typed
from cutis.data.threads import ordered
from cutis.errors import CutisError, nearest
from cutis.files import atomic_folder, refuse_existing
from cutis.image.decode import BadImage
from cutis.image.mask import BORDER, KINDS
from cutis.image.source import LabelMap
from cutis.progress import Progress, silent
from cutis.schema.licence import licence as licence_named
from cutis.schema.manifest import MANIFEST, OPTIONAL, conform
from cutis.schema.spelling import SameIds, answered, check_same_ids
from cutis.schema.values import READ, SITE, Unread, as_cells, read_column, read_sites

TYPES = MANIFEST | OPTIONAL
_RESERVE = 50 * 2**20  # bytes left free on the disk
_SCALED = "were scaled to their image's size, which is not the one that the source says"
_OTHER_SHAPE = "were left out, as the source says other proportions of their image"


@dataclass(frozen=True)
class _Stored:
    """What became of one record: manifest values of the image file, and how it was read."""

    values: dict[str, Any]
    frames: int = 1
    recoded: bool = False
    mask: CleanMask | None = None
    mask_problem: str = ""
    labels: bool = False  # the mask is a label map
    boxes: str = ""  # what was done to them, as they were meant for a picture of another size


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
    same_labels: str = "ask",
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
    same_labels: of labels that differ only in case, blanks or punctuation: "ask" raises CutisError, which names both;
        "fold" makes them one class, "keep" leaves each its own.
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
    if not (src.is_dir() or src.is_file()):
        raise CutisError(f"{src}: neither a file nor a folder, but a pipe or a device. Name the folder of the images.")
    refuse_existing(dest)
    check_same_ids(same_ids)
    folder_of_images = Path(images) if images is not None else None
    options = Options(label, dict(columns or {}), folder_of_images, allow_missing, table_only, same_labels)
    try:
        if src.is_dir():
            next(src.iterdir(), None)  # readers look for names, and a folder that may not be read seems empty to them
        chosen = READERS[_choose(reader, src)]
        if src.is_file() and not chosen.takes_file:
            raise CutisError(f"{src}: reader {chosen.name} takes a folder. Name the folder that holds this file.")
        if same_labels != "ask" and not chosen.free_labels:
            raise CutisError(f"reader {chosen.name} knows its classes; drop --same-labels.")
        found = chosen.read(src, options)
    except PermissionError as error:
        raise CutisError(f"{error.filename}: no permission to read it.") from None
    except FileNotFoundError as error:
        raise CutisError(f"{error.filename}: was removed while the source was read. Import it again.") from None
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
        table, unread = _table(found, f"{src}")
        said = same_ids if same_ids != "ask" else card.same_ids  # a layout that holds a card may know
        table, _, notes = answered(table, said)
        told = (*card.notes, *(u.words() for u in unread), *notes)
        card = card.model_copy(update={"notes": told, "same_ids": said})
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
            stored = _without_labels(folder, stored)
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
    hint = _hint(src)
    if hint:
        raise CutisError(f"{src}: {hint}.")
    layouts = "; ".join(f"{name}: {r.layout}" for name, r in READERS.items())
    raise CutisError(f"{src}: no layout that is known ({layouts}). Say which with --as.")


def _hint(src: Path) -> str:
    """What to do about a source that nearly is one; "" if nothing is known."""
    if src.is_file():
        if src.suffix.casefold() != ".zip":
            return ""
        return (
            f"a zip. Unpack it (unzip {src.name} -d {src.stem}) and import the folder {src.stem}. If it holds images "
            "only, put it beside their table and import the folder of both"
        )
    names = sorted(p.name for p in src.iterdir() if p.is_file() and not p.name.startswith("."))

    def held(*endings: str) -> list[str]:
        return [n for n in names if n.casefold().endswith(endings)]

    if len(tables := held(".csv", ".tsv", ".tab")) > 1:
        return (
            f"holds several tables ({', '.join(tables[:4])}). Name the one that is meant, with --images for its images"
        )
    if sheets := held(".xlsx", ".xls", ".ods"):
        return f"holds a workbook. Save the sheet of {sheets[0]} as CSV UTF-8 and import again"
    if zips := held(".zip"):
        return f"holds no table, but {zips[0]}. If the table is in it, unpack it (unzip {zips[0]}) and import again"
    if len(lines := held(".jsonl", ".ndjson", ".parquet", ".txt")) == 1:
        return f"holds no table that is known for sure. Name it if it is {lines[0]}"
    if below := [p.relative_to(src).as_posix() for p in sorted(src.glob("*/*.csv")) if not p.name.startswith(".")]:
        return f"holds no table itself, but {', '.join(below[:4])}. Name the one that is meant"
    return ""


def _table(found: Found, where: str) -> tuple[pl.DataFrame, list[Unread]]:
    """The manifest before any image is read: typed, identity and values checked; and what could not be read of it."""
    records = found.records
    names = list(dict.fromkeys(key for r in records for key in r.values))
    data: dict[str, pl.Series] = {}
    unread: list[Unread | None] = []
    for key in names:
        column = [r.values.get(key) for r in records]
        if key in READ:
            data[key], lost = read_column(key, as_cells(key, column))
            unread.append(lost)
        elif key == SITE:
            sites, lost = read_sites(as_cells(key, column))
            data |= {c.name: data[c.name].fill_null(c) if c.name in data else c for c in sites}
            unread.append(lost)
        elif key in data:  # a site that the source names beside one it spells out
            data[key] = pl.Series(key, column, dtype=TYPES[key]).fill_null(data[key])
        else:
            data[key] = pl.Series(column, dtype=TYPES[key]) if key in TYPES else typed(column, key)
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
    return table, [u for u in unread if u is not None]


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
    mask: CleanMask | None = None
    problem, labels = "", False
    if record.mask is not None:
        try:
            mask = clean_mask(record.mask.read(), record.mask.name, clean.width, clean.height)
            values["mask"] = f"masks/{image_id}.png"
            (folder / values["mask"]).write_bytes(mask.data)
            mask = replace(mask, data=b"")  # what is told of it is kept
        except BadImage as error:
            problem, labels = error.reason, isinstance(error, LabelMap)
    recoded = clean.extension == ".png" and clean.header.format != "PNG"
    boxes, done = _fitted(record, clean.width, clean.height)
    if done:
        values["boxes"] = boxes
    return _Stored(values, clean.header.frames, recoded, mask, problem, labels, done)


def _fitted(record: Record, width: int, height: int) -> tuple[list[dict[str, Any]] | None, str]:
    """(boxes at the picture's size, what was done to them): scaled as a mask is, and left out where one would be."""
    boxes = record.values.get("boxes")
    if not boxes or record.sides in (None, (width, height)):
        return boxes, ""
    across, down = (own / meant for own, meant in zip((width, height), record.sides or (), strict=True))
    scale = max(across, down)
    if any(abs(meant * scale - own) >= 1.5 for own, meant in zip((width, height), record.sides or (), strict=True)):
        return None, _OTHER_SHAPE
    by = {"x": across, "width": across, "y": down, "height": down}
    return [{k: v * by[k] if k in by else v for k, v in box.items()} for box in boxes], _SCALED


def _without_labels(folder: Path, stored: list[_Stored]) -> list[_Stored]:
    """Where some masks are label maps, those with one small number may be too: nothing says which label it is."""
    small = {s.mask.value for s in stored if s.mask and s.mask.value is not None}
    if not (len(small) > 1 or (small and any(s.labels for s in stored))):
        return stored
    kept = []
    for s in stored:
        if s.mask and s.mask.value is not None:
            (folder / s.values["mask"]).unlink()
            why = f"holds {s.mask.value} only, beside others that hold other labels; write the lesion as 255"
            s = replace(s, values={k: v for k, v in s.values.items() if k != "mask"}, mask=None, mask_problem=why)
        kept.append(s)
    return kept


def _with_files(table: pl.DataFrame, stored: list[_Stored]) -> pl.DataFrame:
    columns = ("status", "reason", "file", "mask", "width", "height", "sha256")
    table = table.with_columns(
        pl.Series(column, [s.values.get(column) for s in stored], dtype=MANIFEST[column]) for column in columns
    )
    if any(s.boxes for s in stored):
        given = zip(table["boxes"].to_list(), stored, strict=True)
        boxes = [s.values["boxes"] if s.boxes else own for own, s in given]
        table = table.with_columns(pl.Series("boxes", boxes, dtype=OPTIONAL["boxes"]))
    return table


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
    taken = [(image_id, s.mask) for image_id, s in zip(ids, stored, strict=True) if s.mask]
    for words, of in (
        *((words, [i for i, m in taken if m.kind == kind]) for kind, words in KINDS.items()),
        ("were scaled to their image's size (nearest neighbour)", [i for i, m in taken if m.scaled]),
        (BORDER, [i for i, m in taken if m.on_border]),
    ):
        if of:
            notes.append(f"{len(of)} masks {words} (first: {of[0]})")
    for words in (_SCALED, _OTHER_SHAPE):
        moved = [image_id for image_id, s in zip(ids, stored, strict=True) if s.boxes == words]
        if moved:
            notes.append(f"boxes of {len(moved)} images {words} (first: {moved[0]})")
    twins = int(table["sha256"].drop_nulls().is_duplicated().sum())
    if twins:
        notes.append(f"{twins} images are byte for byte the same as another")
    return notes
