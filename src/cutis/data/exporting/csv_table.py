"""csv: metadata.csv beside images/ and masks/, as `cutis import --as csv` reads it; lists are JSON in their cells.

Not held: the card but for each row's licence and attribution; classes' names; an own column's type where it isn't
text or number; text that a CSV takes for unknown ("NA", "none").
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from cutis.data.dataset import Dataset
from cutis.data.export_files import copy_files, licensed_rows, without_image
from cutis.data.json_rows import DERIVED, LISTS, as_cell, to_json
from cutis.data.readers.csv_folder import ALIASES
from cutis.progress import Progress
from cutis.schema.manifest import MANIFEST, OPTIONAL


def write(dataset: Dataset, folder: Path, progress: Progress[Any]) -> list[str]:
    table = licensed_rows(dataset)
    kept = [c for c in table.columns if c not in DERIVED or c in ("file", "mask")]
    names = {c: _name(c, set(table.columns)) for c in kept}
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(names.values())
        for row in table.iter_rows(named=True):
            cells = to_json(row) | {"file": row["file"], "mask": row["mask"]}
            out.writerow(
                as_cell(cells[c], c) if c in LISTS and cells.get(c) is not None else cells.get(c) for c in kept
            )
    copy_files(dataset, table, folder, ("file", "mask"), progress)
    renamed = [f"{old} as {new}" for old, new in names.items() if old != new]
    return [
        "the card (classes' names, title, source) is not held; each row's licence and attribution is",
        *([f"own columns under names that a reader would take for others: {', '.join(renamed)}"] if renamed else []),
        *without_image(table),
    ]


def _name(column: str, taken: set[str]) -> str:
    """The column's name in the CSV: another, if the reader would take it for one of its fields."""
    if column in MANIFEST or column in OPTIONAL:
        return column
    folded = column.casefold()
    read_as = {alias for field, aliases in ALIASES.items() if field not in taken for alias in aliases}
    return f"own_{column}" if folded in read_as or folded in MANIFEST or folded in OPTIONAL else column
