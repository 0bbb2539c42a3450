from __future__ import annotations

from pathlib import Path

from cutis.cli import say


def evaluate_masks_(
    predicted: Path,
    truth: Path,
    *,
    out: Path,
    manifest: Path | None = None,
    part: str | None = None,
    by: str | None = None,
    spacing: list[float] | None = None,
    tau: float = 2.0,
    threshold: float = 0.65,
    dilation: float = 0.02,
    resamples: int = 1000,
    unit: str | None = None,
    seed: int = 0,
) -> int:
    """Measure predicted lesion masks against true ones, with intervals, overall and by group.

    Parameters
    ----------
    predicted
        Folder of predicted masks, named by image id (ID.png, ID_segmentation.png or ID_mask.png).
    truth
        Dataset with masks, or a folder of true masks.
    out
        Folder to make: evidence.json, measured.csv (every number), images.csv (every image).
    manifest
        CSV or Parquet file with image_id, lesion_id, patient_id and attributes, if TRUTH is a folder of masks.
    part
        Part of the dataset's split to measure: train, val or test (all images with masks if not given).
    by
        Columns to group by, separated by commas (all known attributes if not given).
    spacing
        Millimetres a pixel, for distances in mm; once, or twice for rows and columns. Pixels if not given.
    tau
        Distance that the normalised surface distance (NSD) allows, in the same unit.
    threshold
        Jaccard index below which an image counts as failed and as 0 in the thresholded Jaccard index.
    dilation
        Width of the rim that boundary IoU compares, as a share of the picture's diagonal.
    resamples
        Bootstrap resamples.
    unit
        "image" treats photographs of one lesion as independent, which they aren't; stamped on the evidence.
    seed
        Seed of the bootstrap.
    """
    from dataclasses import replace

    import polars as pl

    from cutis.data.dataset import PARTS, Dataset
    from cutis.errors import CutisError, nearest
    from cutis.evaluate.masks import evaluate_masks
    from cutis.evaluate.segmentation import DISTANCES, MaskSettings
    from cutis.files import refuse_existing
    from cutis.progress import track

    refuse_existing(out)
    if spacing is not None and len(spacing) > 2:
        raise CutisError(f"--spacing is given {len(spacing)} times; expected once, or twice for rows and columns.")
    dataset = Dataset.load(truth) if (truth / "dataset.json").is_file() else None
    if part is not None:
        if dataset is None:
            raise CutisError(f'--part "{part}": {truth} is not a dataset, and only a dataset has parts.')
        if part not in PARTS:
            raise CutisError(f'--part "{part}": {nearest(part, PARTS)}')
        from cutis.data.split import load_split

        ids = load_split(dataset).ids(part)
        dataset = replace(dataset, manifest=dataset.manifest.filter(pl.col("image_id").is_in(ids)))
    found = evaluate_masks(
        predicted,
        dataset or truth,
        manifest,
        by=[c.strip() for c in by.split(",") if c.strip()] if by else None,
        settings=MaskSettings(
            spacing=(spacing[0], spacing[-1]) if spacing else None, tau=tau, threshold=threshold, dilation=dilation
        ),
        resamples=resamples,
        unit=unit,
        seed=seed,
        progress=track,
    )
    found.save(out)
    evidence = found.evidence
    whole = [m for m in evidence.measured if m.attribute is None]
    width = max(len(m.metric) for m in whole)
    for m in whole:
        # A mean distance leaves out the images that fail worst: it never stands without saying how many.
        left_out = f"; {m.reason}" if m.metric in DISTANCES and m.reason and m.low is not None else ""
        say(f"{m.metric:<{width}}  {m.estimate.format()}{left_out}")
    for m in evidence.measured:
        if m.attribute is not None and m.metric == "jaccard":
            say(f"jaccard, {m.attribute} {m.group} ({m.n}): {m.estimate.format()}")
    for note in evidence.notes:
        say(f"note: {note}")
    counts = evidence.counts
    say(f"{counts.measured:,} of {counts.images:,} images measured, distances in {evidence.distances}: {out}")
    return 1 if counts.unusable else 0
