from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from cutis.cli import pairs, say


def import_(
    src: Path,
    dest: Path,
    *,
    as_: Annotated[str, Parameter(name="--as")] = "auto",
    images: Path | None = None,
    column: list[str] | None = None,
    label: str | None = None,
    name: str | None = None,
    licence: str | None = None,
    allow_missing: bool = False,
    table_only: bool = False,
    same_labels: str = "ask",
    same_ids: Literal["ask", "fold", "keep"] = "ask",
) -> int:
    """Turn a folder of images, a CSV or a public release into a dataset.

    Parameters
    ----------
    src
        Folder of class folders, CSV file, or a public release's folder.
    dest
        Dataset folder to make; must not exist.
    as_
        Reader: auto, folder, csv, or a public release (cutis datasets lists them).
    images
        Where the CSV's images lie, if not beside it.
    column
        FIELD=COLUMN, for a CSV whose columns have other names (target=dx); may be repeated.
    label
        Column of the CSV that holds the label, taken as it is (any words).
    name
        Name for the dataset's card.
    licence
        Licence of the images (CC-BY-4.0, CC-BY-NC-4.0...).
    allow_missing
        Keep CSV rows whose image is missing, as rows with a reason.
    table_only
        Import the table without images: for counting, linting and merging.
    same_labels
        Of labels that differ only in case, blanks or punctuation: "ask" refuses and names them, "fold" makes them one
        class, "keep" leaves each its own.
    same_ids
        What patients and lesions are whose ids may be one, spelled otherwise (P7 and p7, 7 and 0007): fold joins them,
        keep says they are different, ask warns and leaves the question.
    """
    from cutis.data.importing import import_dataset
    from cutis.progress import track
    from cutis.schema.spelling import answered

    data = import_dataset(
        src,
        dest,
        reader=as_,
        images=images,
        columns=pairs(column, "--column", "target=dx"),
        label=label,
        name=name,
        licence=licence,
        allow_missing=allow_missing,
        table_only=table_only,
        same_labels=same_labels,
        same_ids=same_ids,
        progress=track,
    )
    counts = data.card.counts
    people = f", {counts['patients']:,} patients" if counts["patients"] else ""
    say(f"{dest}: {counts['images']:,} images, {counts['lesions']:,} lesions{people}; {data.licence.answer}")
    broken = 0 if table_only else counts["images"] - counts["ok"]
    if broken:
        say(f"{broken:,} images could not be read; they are rows with a reason (cutis info {dest})")
    asked = answered(data.manifest, "ask")[2] if data.card.same_ids != "keep" else []
    for note in data.card.notes:
        say(f"{'warning' if note in asked else 'note'}: {note}")
    say(f"next: cutis lint {dest}" if table_only else f"next: cutis split {dest} --test 0.2 --val 0.1")
    return 1 if broken else 0
