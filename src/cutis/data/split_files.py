"""A split's two files, splits/<name>.parquet (who is where) and splits/<name>.json (the proof): always those of one
split.

They are written aside, both whole, then renamed one after the other; what was there stays within reach until the second
has its name. Whoever reads between the two, or after a kill between them, gets the split that was there.
"""

from __future__ import annotations

import io
import os
from contextlib import suppress
from pathlib import Path

import polars as pl
from pydantic import ValidationError

from cutis.data.dataset import Dataset
from cutis.data.split_proof import Proof, Split, in_several_parts, split_digest
from cutis.errors import CutisError
from cutis.files import atomic_file, canonical_json, disk_errors, only_writer, read_json
from cutis.schema.identity import UNITS
from cutis.schema.spelling import canonical_ids


def split_file(dataset: Dataset, name: str) -> Path:
    """Where the proof of split `name` is."""
    return dataset.path / "splits" / f"{name}.json"


def save_split(path: Path, made: Split) -> None:
    """Write both files of a split; `path`: of the proof. Raises CutisError for a full disk, and keeps what was there.

    Whoever calls holds the dataset (`cutis.files.only_writer`).
    """
    rows, before = path.with_suffix(".parquet"), _before(path)
    held = io.BytesIO()
    made.table.write_parquet(held)
    with disk_errors(path):
        before.unlink(missing_ok=True)
        try:
            with atomic_file(path) as proof:  # gets its name last
                with proof.open("w", encoding="utf-8") as file:
                    file.write(canonical_json(made.proof.model_dump(mode="json")))
                    file.flush()
                    os.fsync(file.fileno())
                with atomic_file(rows) as table:
                    table.write_bytes(held.getbuffer())
                    if rows.exists():
                        _keep(rows, before)
        except BaseException:
            if before.exists():
                before.replace(rows)
            elif not path.exists():
                rows.unlink(missing_ok=True)
            raise
        finally:
            before.unlink(missing_ok=True)


def load_split(dataset: Dataset | Path | str, name: str = "default") -> Split:
    """Read a split. Raises CutisError if there is none, it was changed by hand, or the dataset has changed since.

    Its proof isn't taken at its word: that no patient and no lesion is in two parts is looked at again.
    """
    dataset = dataset if isinstance(dataset, Dataset) else Dataset.load(dataset)
    path = split_file(dataset, name)
    remedy = f"Split again: cutis split {dataset.path} --overwrite"
    if not path.is_file():
        raise CutisError(f"{dataset.path} is not split yet. Split it: cutis split {dataset.path}")
    made = _whole(path, remedy)
    if made is None:
        made = _recovered(path, remedy)
    if made is None:
        raise CutisError(f"{path.with_suffix('.parquet')}: not what its proof says; it was changed. {remedy}")
    if made.proof.dataset_digest != dataset.card.digest:
        raise CutisError(f"{path}: made for other images or labels than {dataset.path} now holds. {remedy}")
    made = Split(made.table.with_columns(canonical_ids(made.table["image_id"])), made.proof)
    _check_parts(made, dataset.manifest, path, remedy)
    return made


def _whole(path: Path, remedy: str) -> Split | None:
    """The split if its two files are of one, else None. Raises CutisError if one can't be read."""
    try:
        proof = Proof.model_validate(read_json(path))
        table = pl.read_parquet(path.with_suffix(".parquet"), glob=False)
        return Split(table, proof) if split_digest(table) == proof.digest else None
    except (ValidationError, OSError, pl.exceptions.PolarsError):
        raise CutisError(f"{path}: damaged. {remedy}") from None


def _recovered(path: Path, remedy: str) -> Split | None:
    """The split that a killed `save_split` was replacing; None if there is none of it."""
    before = _before(path)
    if not before.is_file():
        return None
    with suppress(CutisError), only_writer(path.parent.parent, "putting back a split"):
        made = _whole(path, remedy)  # another may have been in the middle of it
        if made is not None:
            return made
        with suppress(FileNotFoundError):
            before.replace(path.with_suffix(".parquet"))
    return _whole(path, remedy)


def _before(path: Path) -> Path:
    return path.with_name(f".cutis-{path.stem}-before.parquet")


def _keep(rows: Path, before: Path) -> None:
    try:
        os.link(rows, before)
    except OSError:  # a disk without links
        before.write_bytes(rows.read_bytes())


def _check_parts(made: Split, manifest: pl.DataFrame, path: Path, remedy: str) -> None:
    table, proof = made.table, made.proof
    lines = ["part", *(["fold"] if "fold" in table.columns and "held" not in table.columns else [])]
    joined = table.select("image_id", *lines).join(
        manifest.select("image_id", "patient_id", "lesion_id"), on="image_id"
    )
    for unit in UNITS:
        if unit in proof.leaks:
            continue
        for line in lines:
            crossing = in_several_parts(joined.with_columns(part=pl.col(line)), f"{unit}_id")
            if crossing:
                raise CutisError(f'{path}: {unit} "{crossing[0]}" is in two {line}s, against its proof. {remedy}')
