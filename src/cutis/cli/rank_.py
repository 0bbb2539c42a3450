from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cutis.cli import say
from cutis.schema.estimate import Estimate


def rank_(
    bundles: Annotated[list[Path], Parameter(negative="")],
    *,
    data: Path,
    under: str = "pgd",
    amount: float | None = None,
    part: str | None = None,
    images: int = 300,
    margin: float = 0.02,
    resamples: int = 1000,
    seed: int = 0,
    out: Path | None = None,
) -> None:
    """Rank bundles that are equally accurate by what an attack or a shift takes from them.

    Parameters
    ----------
    bundles
        Two or more bundle folders, of the same classes.
    data
        Dataset with labels that none of them learned from.
    under
        An attack (fgsm, pgd, pgd-l2, deepfool; needs torch) or a shift, as in cutis corrupt: gaussian_noise, hair...
    amount
        An attack's size, of images in 0..1 (one grey level if not given), or a shift's severity, 1 to 5 (3).
    part
        Part of the dataset: train, val, test or all (test if the dataset is split, else all).
    images
        At most so many images, drawn at random, the same for all bundles.
    margin
        Bundles that are further behind the best, in balanced accuracy, get no rank.
    resamples
        Bootstrap resamples.
    seed
        Another seed, other images, starts of attacks and resamples.
    out
        CSV file to write, every number.
    """
    from cutis.audit.rank import rank_bundles
    from cutis.files import refuse_existing, write_csv
    from cutis.progress import track

    if out is not None:
        refuse_existing(out)
    made = rank_bundles(
        bundles,
        data,
        under=under,
        amount=amount,
        part=part,
        images=images,
        margin=margin,
        resamples=resamples,
        seed=seed,
        progress=track,
    )
    say(f"{made.images:,} images; balanced accuracy, 95 % intervals; changed by {made.under}")
    width = max(len(r.name) for r in made.ranked)
    say(f"rank  {'bundle':<{width}}  {'clean':<24}{'changed':<24}{'lost':<24}behind the best")
    for r in made.ranked:
        told = "".join(f"{_told(e):<24}" for e in (r.clean, r.changed, r.lost))
        say(f"{r.rank or '-':<4}  {r.name:<{width}}  {told}{_told(r.behind)}")
    missing = {e.reason: None for r in made.ranked for e in (r.clean, r.changed, r.lost) if e.low is None}
    for note in (*missing, *made.notes):
        say(f"note: {note}")
    if out is not None:
        write_csv(out, made.table())
        say(f"all numbers: {out}")


def _told(e: Estimate) -> str:
    if e.value is None:
        return "not estimable"
    return f"{e.value:.3f}" + (f" ({e.low:.3f} to {e.high:.3f})" if e.low is not None and e.high is not None else "")
