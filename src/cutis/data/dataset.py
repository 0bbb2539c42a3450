"""A dataset: a folder of images, a typed manifest and a card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from cutis.errors import CutisError, nearest
from cutis.files import read_json, write_json, write_parquet
from cutis.schema.classes import ClassInfo
from cutis.schema.content import check_content, classes_digest, content_digest, remedy
from cutis.schema.licence import ComposedLicence, check_use, compose
from cutis.schema.manifest import conform

FORMAT = 1
PARTS = ("train", "val", "test")


class MergedPart(BaseModel):
    """A dataset that went into a merge, as it was: what `cutis.data.merge.unmerge` checks against."""

    model_config = ConfigDict(frozen=True)
    name: str
    version: str
    digest: str
    licence: str
    attribution: str
    title: str
    images: int
    classes: tuple[ClassInfo, ...]


class Merged(BaseModel):
    """How a merged dataset was made. vocabulary: the version of the diagnosis hierarchy; akiec: see `harmonise`."""

    model_config = ConfigDict(frozen=True)
    level: str  # diagnosis_1..diagnosis_5
    vocabulary: str
    akiec: str
    parts: tuple[MergedPart, ...]


class DatasetCard(BaseModel):
    """dataset.json: what the dataset is.

    classes: what `target` may hold, in the order models use. digest: SHA-256 over the manifest's identity, labels and
    image digests (`content_digest`). classes_digest: of the classes; "" in datasets of earlier versions. counts:
    images, ok, lesions, patients. notes: what an importer had to say. same_ids: what was said of ids that may be one
    though they are spelled otherwise (`cutis.schema.spelling`): "fold", they were joined; "keep", they are different.
    merged: of what it was made, if it is a merge.
    """

    model_config = ConfigDict(frozen=True)
    format: int = FORMAT
    name: str
    version: str = "1"
    title: str = ""
    source: str = ""  # where it came from: a citation or address, never a path of this machine
    licence: str = "unknown"
    attribution: str = ""
    modality: str = ""
    classes: tuple[ClassInfo, ...]
    counts: dict[str, int] = {}
    digest: str = ""
    classes_digest: str = ""
    same_ids: Literal["ask", "fold", "keep"] = "ask"
    notes: tuple[str, ...] = ()
    merged: Merged | None = None


@dataclass(frozen=True)
class Dataset:
    """A dataset folder that has been read: `path`, `card`, `manifest` (see `cutis.schema.manifest.MANIFEST`)."""

    path: Path
    card: DatasetCard
    manifest: pl.DataFrame

    @property
    def codes(self) -> list[str]:
        return [c.code for c in self.card.classes]

    @property
    def licence(self) -> ComposedLicence:
        """Of the images: every row's own `copyright_license`, and the card's (a merge: its parts') for all of them.

        A card without a stated licence counts only where a row has none of its own.
        """
        own = [a for a in self.manifest["attribution"].unique().sort().to_list() if a]
        cards = self.card.merged.parts if self.card.merged else (self.card,)
        return compose(
            {what: name for what, (name, _) in self.licensed().items()}, [*(c.attribution for c in cards), *own]
        )

    def licensed(self) -> dict[str, tuple[str, pl.DataFrame]]:
        """What is licensed -> its licence id and its rows (image_id): the parts that `licence` is composed of."""
        rows = self.manifest
        if self.card.merged is None:
            cards: list[tuple[str, str, pl.DataFrame]] = [(self.card.name, self.card.licence, rows)]
        else:
            cards = [(p.name, p.licence, rows.filter(source_dataset=p.name)) for p in self.card.merged.parts]
        found: dict[str, tuple[str, pl.DataFrame]] = {}
        for name, licence, of_card in cards:
            unstated = of_card.filter(pl.col("copyright_license").is_null())
            stated = licence != "unknown"
            if stated or len(unstated) or not len(of_card):
                found[name] = licence, (of_card if stated else unstated).select("image_id")
            for own in of_card["copyright_license"].drop_nulls().unique().sort():
                if own != licence:
                    mine = of_card.filter(copyright_license=own)
                    alone = len(mine) == len(of_card) and not stated
                    found[name if alone else f"{name} ({own})"] = own, mine.select("image_id")
        return found

    def check_use(self, use: str) -> None:
        """Raise CutisError, naming parts, counts and a first image, unless the licences allow `use`."""
        check_use(
            self.licence,
            use,
            {
                what: f"{len(rows):,} images, the first {rows['image_id'][0]}"
                for what, (_, rows) in self.licensed().items()
                if len(rows)
            },
        )

    @classmethod
    def load(cls, path: Path | str, *, check: bool = True) -> Dataset:
        """Read a dataset folder. Raises CutisError if it isn't one, is damaged, or is of a newer format.

        check: also raise if its labels, ids or classes were changed since a command wrote them, as the digests in its
        card tell. Images aren't opened.
        """
        path = Path(path)
        if not (path / "dataset.json").is_file():
            raise CutisError(f"{path}: not a Cutis dataset (no dataset.json). Make one with: cutis import SRC {path}")
        content = read_json(path / "dataset.json")
        version = content.get("format", 0) if isinstance(content, dict) else None
        if not isinstance(version, int):
            raise CutisError(f"{path}/dataset.json: not a dataset's card, or damaged. Import the dataset again.")
        if version > FORMAT:
            raise CutisError(f"{path}: format {version} is newer than this Cutis reads ({FORMAT}). Upgrade Cutis.")
        try:
            card = DatasetCard.model_validate(content)
            stored = pl.read_parquet(path / "manifest.parquet", glob=False)
        except ValidationError as error:
            first = error.errors()[0]
            raise CutisError(f"{path}/dataset.json: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
        except (OSError, pl.exceptions.PolarsError):
            raise CutisError(f"{path}/manifest.parquet is missing or damaged. Import the dataset again.") from None
        manifest = conform(stored, str(path / "manifest.parquet"))
        _check_classes(card, manifest, str(path / "manifest.parquet"))
        if check:
            check_content(path, card.digest, stored)
            if card.classes_digest and card.classes_digest != classes_digest(card.classes):
                raise CutisError(f"{path / 'dataset.json'}: its classes are not those recorded. {remedy(path)}")
        return cls(path, card, manifest)

    def save_into(self, folder: Path) -> Dataset:
        """Write card (with digest and counts brought up to date) and manifest into `folder`; images are not touched."""
        manifest = conform(self.manifest, "manifest")
        _check_classes(self.card, manifest, "manifest")
        ok = manifest.filter(pl.col("status") == "ok")
        counts = {
            "images": len(manifest),
            "ok": len(ok),
            "lesions": manifest["lesion_id"].drop_nulls().n_unique(),
            "patients": manifest["patient_id"].drop_nulls().n_unique(),
        }
        digests = {"digest": content_digest(manifest), "classes_digest": classes_digest(self.card.classes)}
        card = self.card.model_copy(update={"counts": counts, **digests})
        write_parquet(folder / "manifest.parquet", manifest)
        write_json(folder / "dataset.json", card.model_dump(mode="json"))
        return Dataset(folder, card, manifest)

    def usable(self) -> pl.DataFrame:
        """Rows with a readable image."""
        return self.manifest.filter(pl.col("status") == "ok")


def _check_classes(card: DatasetCard, manifest: pl.DataFrame, where: str) -> None:
    codes = [c.code for c in card.classes]
    twice = next((c for c in codes if codes.count(c) > 1), None)
    if twice is not None:
        raise CutisError(f'{where}: class "{twice}" is in the card twice. Classes must be distinct.')
    stray = manifest.filter(pl.col("target").is_not_null() & ~pl.col("target").is_in(codes))
    if len(stray):
        bad = stray.row(0, named=True)
        hint = nearest(bad["target"], codes)
        raise CutisError(f'{where}: image "{bad["image_id"]}": target "{bad["target"]}": {hint}')
