"""What a dataset's content digest covers, and whether a folder still is what its card says."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import polars as pl

from cutis.errors import CutisError
from cutis.files import canonical_json, read_json, sha256_text
from cutis.schema.classes import ClassInfo

_COVERED = ("image_id", "lesion_id", "patient_id", "target", "status", "sha256")
_AT_ONCE = 100_000  # rows put into one text


def content_digest(manifest: pl.DataFrame) -> str:
    """SHA-256 of who is whom, what is what, and the images' bytes; the order of rows doesn't matter."""
    text = [pl.col(c).cast(pl.String).fill_null("") if c in manifest.columns else pl.lit("").alias(c) for c in _COVERED]
    rows = manifest.select(text).sort("image_id").select(pl.concat_str(_COVERED, separator="\t")).to_series()
    digest = sha256()
    for start in range(0, len(rows), _AT_ONCE):
        lines = rows.slice(start, _AT_ONCE).str.join("\n").item()
        digest.update(("\n" if start else "").encode() + lines.encode())
    return digest.hexdigest()


def classes_digest(classes: Sequence[ClassInfo]) -> str:
    """SHA-256 of a card's classes, in their order."""
    return sha256_text(canonical_json([c.model_dump(mode="json") for c in classes]))


def check_content(folder: Path, recorded: str, manifest: pl.DataFrame) -> None:
    """Raise CutisError unless `manifest`, as it is stored in the dataset `folder`, has the digest that was recorded.

    Cheap: no image is opened. `cutis doctor` compares the images' own digests.
    """
    found = content_digest(manifest)
    if found != recorded:
        what = "labels, ids or image digests are not those that were recorded"
        raise CutisError(f"{folder / 'manifest.parquet'}: {what} ({_told(found, recorded)}). {remedy(folder)}")


def remedy(folder: Path) -> str:
    return (
        f"Put back the file as it was, or import again; if the change was meant: cutis doctor {folder} --accept-changes"
    )


def check_folder(folder: Path) -> None:
    """`check_content` of a dataset folder, for whoever needs nothing else of it. Raises CutisError."""
    content = read_json(folder / "dataset.json")
    recorded = str(content.get("digest", "")) if isinstance(content, dict) else ""
    try:
        manifest = pl.read_parquet(folder / "manifest.parquet", glob=False)
        check_content(folder, recorded, manifest)
    except (OSError, pl.exceptions.PolarsError):
        raise CutisError(f"{folder}/manifest.parquet is missing or damaged. Import the dataset again.") from None


def _told(found: str, recorded: str) -> str:
    return f"digest {found[:12]}, recorded {recorded[:12]}" if recorded else "dataset.json has no digest"
