"""A dataset: a folder of images, a typed manifest and a card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from cutis.errors import CutisError, nearest
from cutis.files import atomic_file, read_json, sha256_text, write_json
from cutis.schema.classes import ClassInfo
from cutis.schema.licence import ComposedLicence, check_use, compose
from cutis.schema.manifest import conform
from cutis.tables import read_parquet

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
    image digests (`content_digest`). counts: images, ok, lesions, patients. notes: what an importer had to say.
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
    def load(cls, path: Path | str) -> Dataset:
        """Read a dataset folder. Raises CutisError if it isn't one, is damaged, or is of a newer format."""
        path = Path(path)
        if not (path / "dataset.json").is_file():
            raise CutisError(f"{path}: not a Cutis dataset (no dataset.json). Make one with: cutis import SRC {path}")
        content = read_json(path / "dataset.json")
        if content.get("format", 0) > FORMAT:
            raise CutisError(
                f"{path}: format {content['format']} is newer than this Cutis reads ({FORMAT}). Upgrade Cutis."
            )
        try:
            card = DatasetCard.model_validate(content)
            manifest = read_parquet(path / "manifest.parquet")
        except ValidationError as error:
            first = error.errors()[0]
            raise CutisError(f"{path}/dataset.json: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
        except (OSError, pl.exceptions.PolarsError):
            raise CutisError(f"{path}/manifest.parquet is missing or damaged. Import the dataset again.") from None
        return cls(path, card, conform(manifest, str(path / "manifest.parquet")))

    def save_into(self, folder: Path) -> Dataset:
        """Write card (with digest and counts brought up to date) and manifest into `folder`; images are not touched."""
        manifest = conform(self.manifest, "manifest")
        codes = set(self.codes)
        stray = manifest.filter(pl.col("target").is_not_null() & ~pl.col("target").is_in(list(codes)))
        if len(stray):
            bad = stray.row(0, named=True)
            raise CutisError(
                f'image "{bad["image_id"]}": target "{bad["target"]}": {nearest(bad["target"], self.codes)}'
            )
        ok = manifest.filter(pl.col("status") == "ok")
        counts = {
            "images": len(manifest),
            "ok": len(ok),
            "lesions": manifest["lesion_id"].drop_nulls().n_unique(),
            "patients": manifest["patient_id"].drop_nulls().n_unique(),
        }
        card = self.card.model_copy(update={"counts": counts, "digest": content_digest(manifest)})
        with atomic_file(folder / "manifest.parquet") as partial:
            manifest.write_parquet(partial)
        write_json(folder / "dataset.json", card.model_dump(mode="json"))
        return Dataset(folder, card, manifest)

    def usable(self) -> pl.DataFrame:
        """Rows with a readable image."""
        return self.manifest.filter(pl.col("status") == "ok")


def content_digest(manifest: pl.DataFrame) -> str:
    """SHA-256 of who is whom, what is what, and the images' bytes; the order of rows doesn't matter."""
    rows: list[tuple[Any, ...]] = (
        manifest.sort("image_id").select("image_id", "lesion_id", "patient_id", "target", "status", "sha256").rows()
    )
    return sha256_text("\n".join("\t".join("" if v is None else str(v) for v in row) for row in rows))
