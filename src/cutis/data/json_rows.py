"""Manifest values as JSON, and back: what cells of a CSV, COCO images and WebDataset samples hold.

A value that a manifest column can't hold is an error that names row and field; a column of a source's own becomes text,
which the importer types again as it would a CSV's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from cutis.data.dataset import DatasetCard
from cutis.data.labels import class_info
from cutis.errors import CutisError
from cutis.schema.classes import ClassInfo
from cutis.schema.manifest import MANIFEST, OPTIONAL

# Made again from the image file by every import.
DERIVED = ("status", "reason", "width", "height", "sha256", "file", "mask")
LISTS = {name: dtype for name, dtype in OPTIONAL.items() if isinstance(dtype, pl.List)}
_TYPES = MANIFEST | OPTIONAL


def to_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest row as JSON holds it: without nulls and without what an import makes again.

    Raises CutisError for a number that JSON lacks (NaN, infinity).
    """
    kept = {k: v if k in _TYPES else as_text(v) for k, v in row.items() if v is not None and k not in DERIVED}
    for name, value in kept.items():
        if name in LISTS or isinstance(value, float):
            as_cell(value, f'image "{row["image_id"]}": {name}')
    return kept


def as_cell(value: Any, where: str) -> str:
    """A list as JSON text. Raises CutisError for NaN and infinity."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(", ", ": "))
    except ValueError:
        raise CutisError(f"{where}: holds NaN or infinity; only null can say that a number is not known.") from None


def as_text(value: Any) -> str:
    """A source's own value as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return repr(value) if isinstance(value, float) else str(value)


def from_cell(text: str, column: str, where: str) -> list[Any]:
    """The value of list column `column` from JSON text; raises CutisError for anything else."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    return check_list(value, column, f"{where}: {column} {text[:60]!r}")


def from_json(row: object, where: str) -> dict[str, Any]:
    """Manifest values of a record from its JSON object; raises CutisError naming the field at fault."""
    if not isinstance(row, dict) or not isinstance(row.get("image_id"), str) or not row["image_id"]:
        raise CutisError(f'{where}: expected a JSON object with an "image_id".')
    found: dict[str, Any] = {"target": None}
    for name, value in row.items():
        if name in DERIVED or value is None:
            continue
        dtype = _TYPES.get(name)
        at = f"{where}: {name} {str(value)[:60]!r}"
        if dtype is None:
            found[name] = as_text(value)
        elif name in LISTS:
            found[name] = check_list(value, name, at)
        elif isinstance(value, str if dtype == pl.String() else int) and not isinstance(value, bool):
            found[name] = value
        else:
            raise CutisError(f"{at}: expected {'text' if dtype == pl.String() else 'a whole number'}.")
    return found


def check_list(value: object, column: str, where: str) -> list[Any]:
    """`value` if list column `column` can hold it; raises CutisError saying what it holds."""
    inner = LISTS[column].inner
    fields = {f.name: f.dtype for f in inner.fields} if isinstance(inner, pl.Struct) else None
    if fields is None:
        if isinstance(value, list) and all(isinstance(v, str) for v in value):
            return value
        raise CutisError(f'{where}: expected a JSON list of texts, as in ["a", "b"].')
    if isinstance(value, list) and all(isinstance(v, dict) and v.keys() <= fields.keys() for v in value):
        made = [{name: item.get(name) for name in fields} for item in value]
        if all(_holds(item[name], dtype) for item in made for name, dtype in fields.items()):
            return made
    shape = ", ".join(f'"{n}": {"text" if d == pl.String() else "number"}' for n, d in fields.items())
    raise CutisError(f"{where}: expected a JSON list of {{{shape}}}.")


def _holds(value: object, dtype: Any) -> bool:
    kinds = str if dtype == pl.String() else (int, float)
    return value is None or (isinstance(value, kinds) and not isinstance(value, bool))


def card_to_json(card: DatasetCard) -> dict[str, Any]:
    """What of a card holds for any copy of the dataset; a merge's record of its parts doesn't travel."""
    return card.model_dump(mode="json", include=set(_CARD))


_CARD = ("name", "version", "title", "source", "licence", "attribution", "modality", "classes", "notes")


def card_from_json(content: object, fallback: str, targets: set[str], where: str) -> DatasetCard:
    """The card from its JSON (None: a card called `fallback`), with a class for every one of `targets`."""
    try:
        known = {k: content[k] for k in _CARD if k in content} if isinstance(content, dict) else {}
        card = DatasetCard.model_validate({"name": fallback, "classes": (), **known})
    except ValueError as error:
        raise CutisError(f"{where}: its card is damaged ({str(error).splitlines()[0]}).") from None
    named = {c.code for c in card.classes}
    more: list[ClassInfo] = []
    for code in sorted(targets - named):
        info = class_info(code)
        more.append(info if info.code == code else ClassInfo(code=code, name=code))
    return card.model_copy(update={"classes": (*card.classes, *more)})
