from __future__ import annotations

from pathlib import Path

from cutis.cli import say
from cutis.errors import CutisError


def corrupt_(
    dataset: Path,
    out: Path,
    *,
    suite: str = "dermoscopy",
    only: str | None = None,
    severity: str = "1,2,3,4,5",
    part: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    size: int = 224,
) -> None:
    """Write a dataset's images under a suite of shifts, beside the unchanged ones, as a dataset to predict.

    Parameters
    ----------
    dataset
        Dataset folder.
    out
        Dataset folder to make (must not exist).
    suite
        dermoscopy (all that grows with severity), medmnistc (MedMNIST-C's fifteen, exactly) or skin (hair, ruler,
        light, focus and the like, in measurable units).
    only
        Corruptions of the suite to make, separated by commas.
    severity
        1 (mild) to 5 (severe), separated by commas.
    part
        Part of the dataset: train, val, test or all (test if the dataset is split, else all).
    limit
        At most so many images, drawn at random.
    seed
        Another seed, other noise, hairs and angles.
    size
        Side in pixels to which images are scaled before they are changed.
    """
    from cutis.audit.corrupt import corrupt
    from cutis.progress import track

    try:
        severities = [int(s) for s in severity.split(",") if s.strip()]
    except ValueError:
        raise CutisError(f'--severity "{severity}": expected whole numbers 1 to 5, such as 1,3,5.') from None
    made = corrupt(
        dataset,
        out,
        suite=suite,
        only=[n.strip() for n in only.split(",") if n.strip()] if only else None,
        severities=severities,
        part=part,
        limit=limit,
        seed=seed,
        size=size,
        progress=track,
    )
    table = made.manifest
    kinds, originals = table["corruption"].n_unique() - 1, table["original_id"].n_unique()
    say(f"{out}: {len(table):,} images: {originals:,} unchanged, and under {kinds} corruptions; {made.licence.answer}")
    say(f"next: cutis predict BUNDLE {out} --out shifted.parquet")
    say("then: cutis evaluate shifted.parquet --by corruption,severity --out report/")
