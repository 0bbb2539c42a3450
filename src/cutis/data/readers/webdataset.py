"""WebDataset shards: tar files whose members of one key (the name up to its first dot) are one sample.

Read: an image; .json (as Cutis writes it, or any object: its own values then travel along); .cls, a class; .txt, a
caption; .mask.png or .seg.png, a mask. Nothing is unpacked to disk: images are read from where they lie in the tar.
"""

from __future__ import annotations

import json
import tarfile
from functools import partial
from pathlib import Path
from typing import Any

from cutis.data.files_in import Blob, Tree, is_image_name
from cutis.data.readers import values
from cutis.data.readers.base import Found, Options, Reader, Record
from cutis.data.readers.json_rows import card_from_json, from_json
from cutis.errors import CutisError
from cutis.files import read_json
from cutis.image.decode import MAX_BYTES, BadImage

_MAX_TEXT = 10 * 2**20
_MASKS = ("mask.png", "seg.png")


def _shards(src: Path) -> list[Path]:
    if src.is_file():
        return [src] if src.suffix.casefold() == ".tar" else []
    return sorted(p for p in src.glob("*.tar") if not p.name.startswith("."))


def recognises(src: Path) -> bool:
    return bool(_shards(src))


def read(src: Path, options: Options) -> Found:
    if options.label or options.columns or options.images:
        raise CutisError("reader webdataset takes everything from the tar files; drop --label, --column and --images.")
    shards = _shards(src)
    if not shards:
        raise CutisError(f"{src}: no .tar file here.")
    records: list[Record] = []
    for shard in shards:
        for key, members in _samples(shard).items():
            records.append(_record(shard, key, members, options))
    if not records:
        raise CutisError(f"{src}: {len(shards)} tar files without any sample.")
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
    return Found(card, records, Tree(folder))


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
                    found.setdefault(key, {})[ending.casefold()] = (member.offset_data, member.size)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise CutisError(f"{shard}: not a readable tar file ({error}). Get it again.") from None
    size = shard.stat().st_size
    for key, members in found.items():
        if any(start + length > size for start, length in members.values()):
            raise CutisError(f'{shard}: cut off in the middle of sample "{key}". Get it again.')
    return found


def _record(shard: Path, key: str, members: dict[str, tuple[int, int]], options: Options) -> Record:
    where = f'{shard.name}: sample "{key}"'
    text = {e: _text(shard, *members[e], f"{where}.{e}") for e in ("json", "cls", "txt") if e in members}
    found: dict[str, Any] = {"image_id": key.replace("/", "-"), "target": None}
    if "json" in text:
        try:
            row = json.loads(text["json"])
        except ValueError as error:
            raise CutisError(f"{where}: its .json is not JSON ({error}).") from None
        found = from_json({"image_id": found["image_id"], **row} if isinstance(row, dict) else row, where)
    label = values.known(text.get("cls"))
    if label and found["target"] is None:
        info = values.class_info(label)
        found = {**values.diagnosis(info.diagnosis), **found, "target": info.code}
    if "txt" in text:
        found.setdefault("caption", text["txt"].strip() or None)
    if options.table_only:
        return Record(found, None)
    image = next((e for e in members if e not in _MASKS and is_image_name(f"x.{e}")), None)
    mask = next((e for e in _MASKS if e in members), None)

    def blob(ending: str) -> Blob:
        start, size = members[ending]
        name = f"{shard.name}:{key}.{ending}"
        return Blob(name, size, make=partial(_bytes, shard, start, size, name))

    return Record(
        found,
        blob(image) if image else None,
        "" if image else f"{where} has no image ({', '.join(f'.{e}' for e in members)})",
        blob(mask) if mask else None,
    )


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


READER = Reader("webdataset", "WebDataset tar shards", recognises, read, takes_file=True)
