from __future__ import annotations

from pathlib import Path

from cutis.cli import say


def columns_(dataset: Path, table: Path, *, column: list[str] | None = None) -> None:
    """Add columns of a table to a dataset's manifest, by image_id: estimated tone, artefacts, labels of your own.

    What is in the manifest can be grouped by, audited and learned from (cutis train --method lntl --set column=...).
    Labels, splits and the dataset's digest stay as they are; an added column of the same name is replaced.

    Parameters
    ----------
    dataset
        Dataset folder.
    table
        CSV, JSON lines or Parquet with image_id: the dataset's tone.parquet (cutis tone), a report's quality.parquet
        (cutis check), or your own.
    column
        Only this column; may be repeated. By default all of them.
    """
    from cutis.data.columns import add_columns, read_columns, strangers
    from cutis.data.dataset import Dataset

    found, notes = read_columns(table)
    made = add_columns(Dataset.load(dataset), found, column)
    for note in notes:
        say(f"note: {note}")
    stray, first = strangers(made, found)
    if stray:
        say(f"note: {stray:,} of the table's {len(found):,} rows are of no image in {dataset} (the first: {first})")
    names = column or [c for c in found.columns if c != "image_id"]
    for name in names:
        known = made.manifest[name].drop_nulls()
        say(f"{name}: {len(known):,} of {len(made.manifest):,} images, {known.n_unique():,} values")
    for note in made.card.notes:
        if note.startswith(tuple(f"{name}: " for name in names)):
            say(f"note: {note}")
