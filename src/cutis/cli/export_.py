from __future__ import annotations

from pathlib import Path

from cutis.cli import say


def export_(
    dataset: Path,
    out: Path,
    *,
    to: str,
    use: str = "research",
    shard_mb: float | None = None,
    results: Path | None = None,
) -> None:
    """Write a dataset in another layout: isic, csv, coco, webdataset or dicom.

    LICENCE.txt and ATTRIBUTION.txt say what the images' licences ask for.

    Parameters
    ----------
    dataset
        Dataset folder.
    out
        Folder to make; must not exist.
    to
        isic, csv, coco, webdataset or dicom.
    use
        What for: research, or commercial, which refuses images whose licences don't allow it.
    shard_mb
        Largest size of a shard in megabytes, for webdataset.
    results
        Predictions file of this dataset, for dicom: written as structured reports beside the images.
    """
    from cutis.data.dataset import Dataset
    from cutis.data.export import export
    from cutis.progress import track

    data = Dataset.load(dataset)
    done = export(data, out, to=to, use=use, shard_mb=shard_mb, results=results, progress=track)
    say(f"{out}: {done.rows:,} rows as {to}; {data.licence.answer}")
    for condition in data.licence.conditions:
        say(f"licence: {condition}")
    for note in done.notes:
        say(f"note: {note}")
