"""Changes that a person made to a dataset by hand, checked and taken over: its card then tells of them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from cutis.data.clean import clean_image
from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.files import atomic_file, only_writer, sha256_file
from cutis.image.decode import BadImage
from cutis.progress import Progress, silent
from cutis.schema.content import classes_digest, content_digest


def accept_changes(path: Path | str, progress: Progress[Any] = silent) -> str:
    """Make what the dataset folder `path` holds now what its card says: labels and ids corrected in manifest.parquet,
    pictures put in place of others. Returns the note that the card now has; "" if nothing had changed.

    Pictures that changed are cleaned of metadata as on import, and measured anew. Splits made before are of other
    images or labels, and are refused from now on. Raises CutisError, and changes nothing of the tables, for what can't
    be true: a label that is no class, a lesion of two patients, a picture that is missing or can't be read.
    """
    path = Path(path)
    with only_writer(path, "cutis doctor"):
        data = Dataset.load(path, check=False)
        table, replaced = _with_pictures(data, progress)
        before, now = data.card.digest, content_digest(table)
        renamed = data.card.classes_digest not in ("", classes_digest(data.card.classes))
        if now == before and not renamed:
            return ""
        what = [f"the content digest {before[:12] or 'was missing'} became {now[:12]}"] if now != before else []
        what += ["the classes were changed"] if renamed else []
        what += [f"{replaced:,} pictures were replaced"] if replaced else []
        today = datetime.now(UTC).date().isoformat()
        note = f"{today}: changes made by hand were accepted ({', '.join(what)})"
        card = data.card.model_copy(update={"notes": (*data.card.notes, note)})
        Dataset(path, card, table).save_into(path)
    return note


def _with_pictures(data: Dataset, progress: Progress[Any]) -> tuple[pl.DataFrame, int]:
    """The manifest with what is known of each picture brought up to date, and how many had changed."""
    new: dict[str, dict[str, Any]] = {}
    rows = data.usable().select("image_id", "file", "sha256").rows()
    for image_id, file, recorded in progress(rows, len(rows), "pictures"):
        where = data.path / file
        try:
            if recorded is None or sha256_file(where) != recorded:
                new[image_id] = _taken_over(where, file)
        except FileNotFoundError:
            raise CutisError(
                f'{where} is missing (image "{image_id}"). Put it back, or set its row\'s status to "listed" and its '
                "file to null."
            ) from None
        except BadImage as error:
            raise CutisError(f'{where} (image "{image_id}"): {error.reason}. Put a readable picture there.') from None
    if not new:
        return data.manifest, 0
    fields = ("width", "height", "sha256")
    table = data.manifest.with_columns(
        pl.col("image_id")
        .replace_strict({i: values[c] for i, values in new.items()}, default=None, return_dtype=data.manifest[c].dtype)
        .fill_null(pl.col(c))
        .alias(c)
        for c in fields
    )
    return table, len(new)


def _taken_over(where: Path, file: str) -> dict[str, Any]:
    """A picture that another was put in place of: cleaned where it lies; its size and digest."""
    data = where.read_bytes()
    clean = clean_image(data, file)
    if clean.extension != where.suffix:
        raise BadImage(file, f"holds a {clean.header.format} picture, which is stored as {clean.extension}")
    if clean.data != data:
        with atomic_file(where) as partial:
            partial.write_bytes(clean.data)
    return {"width": clean.width, "height": clean.height, "sha256": hashlib.sha256(clean.data).hexdigest()}
