"""The masks of one side of a comparison: found in a folder, read one by one, and what is to be told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from cutis.errors import CutisError
from cutis.image.mask import BORDER, KINDS, MASK_EXTENSIONS, Mask, mask_of, read_mask
from cutis.image.source import BadImage, LabelMap, SeveralLabels, Unsupported
from cutis.schema.spelling import canonical

SUFFIXES = ("_segmentation", "_mask")  # what a mask's file name may have after the image's id
_NAMED = 3  # examples in a note


class Unusable(Exception):
    """Why one mask can't be used."""


@dataclass
class Side:
    """The masks of one side of a comparison: how they are read, and what is to be told of them, with image ids.

    name: "predicted" or "true". flag: the option that says which label is the lesion. label: its value.
    """

    name: str
    flag: str
    label: int | None
    kinds: dict[str, list[str]] = field(default_factory=dict)
    values: dict[int, str] = field(default_factory=dict)
    scaled: list[str] = field(default_factory=list)
    on_border: list[str] = field(default_factory=list)
    labelled: bool = False

    def read(self, given: Path | NDArray[Any], image_id: str) -> Mask:
        """Raises CutisError for a side of label maps, Unusable for one mask."""
        try:
            mask = read_mask(given, label=self.label) if isinstance(given, Path) else mask_of(given, label=self.label)
        except (LabelMap, SeveralLabels) as error:
            reason = error.reason if isinstance(error, LabelMap) else str(error)
            raise CutisError(
                f'{self.name} mask of "{image_id}": {reason}, or say which label is the lesion with {self.flag}.'
            ) from None
        except BadImage as error:
            raise Unusable(f"{self.name} mask: {error.reason}") from None
        except Unsupported as error:
            raise Unusable(f"{self.name} mask: {error}") from None
        if mask.kind:
            self.kinds.setdefault(mask.kind, []).append(image_id)
        if mask.value is not None:
            self.values.setdefault(mask.value, image_id)
        if mask.on_border:
            self.on_border.append(image_id)
        self.labelled |= mask.kind == "label" and bool(mask.pixels.any())
        return mask

    def check(self) -> None:
        """Raise CutisError where the masks together can't be what each may be."""
        if len(self.values) > 1:
            (a, first_id), (b, other_id) = list(self.values.items())[:2]
            raise CutisError(
                f'{self.name} masks hold {a} in "{first_id}" and {b} in "{other_id}": they are label maps. Say which '
                f"label is the lesion with {self.flag}."
            )
        if self.label is not None and not self.labelled:
            raise CutisError(
                f"{self.flag} {self.label}: no {self.name} mask holds it. Leave it out for masks of 0 and 1."
            )

    def notes(self) -> list[str]:
        told = [(self.kinds[kind], words) for kind, words in KINDS.items() if kind in self.kinds]
        told += [(self.scaled, "were scaled to the size of the true ones (nearest neighbour)")]
        told += [(self.on_border, BORDER)]
        return [f"{len(ids)} {self.name} masks {words} ({first(ids)})." for ids, words in told if ids]


def mask_files(folder: Path) -> dict[str, Path]:
    """Image id -> mask file, of every picture in `folder` and below. Raises CutisError if there is none, or two of one
    image."""
    if not folder.is_dir():
        raise CutisError(f"{folder}: no such folder of masks.")
    if (folder / "dataset.json").is_file():
        raise CutisError(f"{folder} is a dataset, not a folder of masks. Load it: Dataset.load({str(folder)!r}).")
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.suffix.casefold() not in MASK_EXTENSIONS or any(part.startswith(".") for part in inside.parts):
            continue
        image_id = path.stem
        for suffix in SUFFIXES:
            if image_id.casefold().endswith(suffix):
                image_id = image_id[: -len(suffix)]
        image_id = canonical(image_id)
        if image_id in found:
            other = found[image_id].relative_to(folder)
            raise CutisError(
                f'{folder}: two masks of image "{image_id}": {other} and {inside}. Keep one, and keep masks apart from '
                "images."
            )
        found[image_id] = path
    if not found:
        raise CutisError(f"{folder}: no masks in it; expected files named by image id, such as ISIC_0000000.png.")
    return found


def first(names: Sequence[str]) -> str:
    """ "first: a, b, c": examples for a note."""
    return f"first: {', '.join(names[:_NAMED])}"
