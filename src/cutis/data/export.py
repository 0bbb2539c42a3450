"""Export: a dataset in another layout, with its licences obeyed and said."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cutis.data.dataset import Dataset
from cutis.data.dicom import write as dicom
from cutis.data.export_files import Writer
from cutis.data.exporting import coco, csv_table, isic, webdataset
from cutis.errors import CutisError, nearest
from cutis.files import atomic_folder, refuse_existing
from cutis.progress import Progress, silent
from cutis.schema.licence import attribution_text, licence_text

FORMATS: dict[str, Writer] = {
    "isic": isic.write,
    "csv": csv_table.write,
    "coco": coco.write,
    "webdataset": webdataset.write,
    "dicom": dicom.write,
}


@dataclass(frozen=True)
class Exported:
    """Where it is, how many rows, and what the layout could not hold."""

    path: Path
    rows: int
    notes: tuple[str, ...]


def export(
    dataset: Dataset | Path | str,
    out: Path | str,
    *,
    to: str,
    use: str = "research",
    shard_mb: float | None = None,
    results: Path | str | None = None,
    progress: Progress[Any] = silent,
) -> Exported:
    """Write `dataset` into the folder `out` in layout `to` (one of FORMATS), with LICENCE.txt and ATTRIBUTION.txt.

    use: "commercial" refuses a dataset whose licences don't allow it. shard_mb: webdataset's bound on a shard.
    results: a predictions file of this dataset, for dicom: a structured report an image.
    Each layout's file says what it can't hold. Nothing is left at `out` if it fails. Raises CutisError.
    """
    data = dataset if isinstance(dataset, Dataset) else Dataset.load(dataset)
    out = Path(out)
    if to not in FORMATS:
        raise CutisError(f'layout "{to}": {nearest(to, FORMATS)}')
    write = FORMATS[to]
    if shard_mb is not None:
        if to != "webdataset" or not 0 < shard_mb < math.inf:
            raise CutisError(f"--shard-mb {shard_mb:g}: a size above 0, for --to webdataset only.")
        write = partial(webdataset.write, shard_bytes=int(shard_mb * 1e6))
    if results is not None:
        if to != "dicom":
            raise CutisError(f"--results {results}: only --to dicom holds results.")
        write = partial(dicom.write, results=Path(results))
    data.check_use(use)
    refuse_existing(out)
    title = data.card.title or data.card.name
    with atomic_folder(out) as folder:
        notes = write(data, folder, progress)
        (folder / "LICENCE.txt").write_text(licence_text(title, data.licence), encoding="utf-8")
        (folder / "ATTRIBUTION.txt").write_text(attribution_text(title, data.licence), encoding="utf-8")
    return Exported(out, len(data.manifest), tuple(notes))
