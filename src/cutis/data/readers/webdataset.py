"""WebDataset shards: tar files whose members of one key (the name up to its first dot) are one sample.

Read: an image; .json (as Cutis writes it, or any object: its own values then travel along); .cls, a class; .txt, a
caption; .mask.png or .seg.png, a mask. Nothing is unpacked to disk: images are read from where they lie in the tar.
"""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from cutis.data import values
from cutis.data.files_in import Blob, Tree, is_image_name
from cutis.data.json_rows import card_from_json, from_json
from cutis.data.labels import UNLABELLED, classes_of, clean_label
from cutis.data.readers.base import Found, Options, Reader, Record
from cutis.errors import CutisError
from cutis.files import read_json
from cutis.image.decode import MAX_BYTES, BadImage
from cutis.schema.classes import ClassInfo

_MAX_TEXT = 10 * 2**20
_MASKS = ("mask.png", "seg.png")


_ENDS = (".tar", ".tar.gz", ".tgz")


def _shards(src: Path) -> list[Path]:
    among = [src] if src.is_file() else sorted(p for p in src.iterdir() if not p.name.startswith("."))
    return [p for p in among if p.name.casefold().endswith(_ENDS) and p.is_file()]


def recognises(src: Path) -> bool:
    return bool(_shards(src))


def read(src: Path, options: Options) -> Found:
    if options.label or options.columns or options.images:
        raise CutisError("reader webdataset takes everything from the tar files; drop --label, --column and --images.")
    shards = _shards(src)
    if not shards:
        raise CutisError(f"{src}: no .tar file here.")
    packed = next((p for p in shards if p.suffix.casefold() != ".tar"), None)
    if packed is not None:
        raise CutisError(
            f"{packed}: compressed; images are read from where they lie in a tar. Unpack it to a .tar first: gunzip "
            f"{packed.name}"
        )
    made = [_record(shard, key, members, options) for shard in shards for key, members in _samples(shard).items()]
    if not made:
        raise CutisError(f"{src}: {len(shards)} tar files without any sample.")
    counts = Counter(label for _, label in made if label)
    unknown = {label: n for label, n in counts.items() if label.casefold() in UNLABELLED}
    named = {label: n for label, n in counts.items() if label not in unknown}
    classes, notes = classes_of(named, str(src), options.same_labels, "samples")
    notes += [f'"{label}" ({n:,} samples) is read as unlabelled' for label, n in sorted(unknown.items())]
    records = [_labelled(record, classes.get(label)) for record, label in made]
    missing = [r for r in records if r.image is None]
    if missing and not options.table_only and (not options.allow_missing or len(missing) == len(records)):
        raise CutisError(
            f"{src}: {missing[0].reason} ({len(missing)} of {len(records)} samples). Keep such rows as errors with "
            "--allow-missing, or import the table alone with --table-only."
        )
    folder = src if src.is_dir() else src.parent
    own = read_json(folder / "card.json") if (folder / "card.json").is_file() else None
    targets = {r.values["target"] for r in records if r.values.get("target")}
    card = card_from_json(own, values.slug(src.resolve().stem) or "images", targets, f"{folder}/card.json")
    written = {c.code: c for c in classes.values()}
    if own is None:
        card = card.model_copy(update={"classes": tuple(written.get(c.code, c) for c in card.classes)})
    card = card.model_copy(update={"notes": (*card.notes, *notes)})
    return Found(card, records, Tree(folder))


def _labelled(record: Record, info: ClassInfo | None) -> Record:
    """The record with the class of its .cls, where its .json names none."""
    if info is None or record.values["target"] is not None:
        return record
    return replace(record, values={**values.diagnosis(info.diagnosis), **record.values, "target": info.code})


def _samples(shard: Path) -> dict[str, dict[str, tuple[int, int]]]:
    """Key -> ending -> (offset, size) of the plain files in a tar. Hidden ones and those in ".." don't exist."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    try:
        with tarfile.open(shard, "r:") as tar:
            for member in tar:
                folder, _, name = member.name.rpartition("/")
                stem, dot, ending = name.partition(".")
                if member.isreg() and stem and dot and not any(p.startswith(".") for p in folder.split("/")):
                    key = f"{folder}/{stem}" if folder else stem
                    parts = found.setdefault(key, {})
                    if ending.casefold() in parts:
                        raise CutisError(f"{shard}: {member.name} is in it twice. Keep one.")
                    parts[ending.casefold()] = (member.offset_data, member.size)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise CutisError(f"{shard}: not a readable tar file ({error}). Get it again.") from None
    size = shard.stat().st_size
    for key, members in found.items():
        if any(start + length > size for start, length in members.values()):
            raise CutisError(f'{shard}: cut off in the middle of sample "{key}". Get it again.')
    return found


def _record(shard: Path, key: str, members: dict[str, tuple[int, int]], options: Options) -> tuple[Record, str]:
    """A sample, and the label of its .cls, "" if it has none."""
    where = f'{shard.name}: sample "{key}"'
    text = {e: _text(shard, *members[e], f"{where}.{e}") for e in ("json", "cls", "txt") if e in members}
    found: dict[str, Any] = {"image_id": key.replace("/", "-"), "target": None}
    if "json" in text:
        try:
            row = json.loads(text["json"])
        except ValueError as error:
            raise CutisError(f"{where}: its .json is not JSON ({error}).") from None
        found = from_json({"image_id": found["image_id"], **row} if isinstance(row, dict) else row, where)
    label = clean_label(text.get("cls"))
    if "txt" in text:
        found.setdefault("caption", text["txt"].strip() or None)
    if options.table_only:
        return Record(found, None), label
    images = [e for e in members if e not in _MASKS and is_image_name(f"x.{e}")]
    masks = [e for e in _MASKS if e in members]
    for several in (images, masks):
        if len(several) > 1:
            raise CutisError(
                f"{where} has {' and '.join(f'.{e}' for e in several)}; expected one. Keep one in the tar."
            )
    image, mask = next(iter(images), None), next(iter(masks), None)

    def blob(ending: str) -> Blob:
        start, size = members[ending]
        name = f"{shard.name}:{key}.{ending}"
        return Blob(name, size, make=partial(_bytes, shard, start, size, name))

    record = Record(
        found,
        blob(image) if image else None,
        "" if image else f"{where} has no image ({', '.join(f'.{e}' for e in members)})",
        blob(mask) if mask else None,
    )
    return record, label


def _text(shard: Path, start: int, size: int, where: str) -> str:
    if size > _MAX_TEXT:
        raise CutisError(f"{where}: {size / 1e6:.0f} MB of text; at most {_MAX_TEXT / 1e6:.0f} MB are read.")
    try:
        return _bytes(shard, start, size, where).decode("utf-8")
    except UnicodeDecodeError:
        raise CutisError(f"{where}: not UTF-8 text.") from None


def _bytes(shard: Path, start: int, size: int, name: str) -> bytes:
    if size > MAX_BYTES:
        raise BadImage(name, f"{size / 1e6:.0f} MB; at most {MAX_BYTES / 1e6:.0f} MB are read")
    with shard.open("rb") as f:
        f.seek(start)
        return f.read(size)


READER = Reader("webdataset", "WebDataset tar shards", recognises, read, takes_file=True, free_labels=True)
