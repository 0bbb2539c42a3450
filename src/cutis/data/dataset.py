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
from cutis.schema.licence import ComposedLicence, compose
from cutis.schema.manifest import conform

FORMAT = 1
PARTS = ("train", "val", "test")


class DatasetCard(BaseModel):
    """dataset.json: what the dataset is.

    classes: what `target` may hold, in the order models use. digest: SHA-256 over the manifest's identity, labels and
    image digests (`content_digest`). counts: images, ok, lesions, patients. notes: what an importer had to say.
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
        """Of the images: the card's licence and every row's own `copyright_license`."""
        parts = {self.card.name: self.card.licence}
        own = self.manifest["copyright_license"].drop_nulls().unique().sort().to_list()
        parts |= {f"{self.card.name} ({name})": name for name in own if name != self.card.licence}
        return compose(parts, [self.card.attribution])

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
            manifest = pl.read_parquet(path / "manifest.parquet")
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
