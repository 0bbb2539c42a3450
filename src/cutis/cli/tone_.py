from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cutis.cli import say

if TYPE_CHECKING:
    from polars import DataFrame


def tone_(
    dataset: Path,
    *,
    method: list[str] | None = None,
    classes: str = "chardon1991",
    seed: int = 0,
) -> int:
    """Estimate the skin tone of a dataset's images in every published way, and how far the ways agree.

    Writes tone.parquet into the dataset; the manifest and its skin types stay as they are. Exit code 1 if an image or
    mask could not be read.

    Parameters
    ----------
    dataset
        Dataset folder. Lesion masks are used where it has them.
    method
        Only this way; may be repeated. By default all of them.
    classes
        The set of ITA classes to compare by.
    seed
        Of the intervals.
    """
    from statistics import median

    from cutis.data.dataset import Dataset
    from cutis.data.tone import estimate_dataset, tone_path
    from cutis.evaluate.resampled import Resampling
    from cutis.evaluate.tone import tone_agreement
    from cutis.image.tone import thresholds
    from cutis.progress import track
    from cutis.schema.identity import group_ids, unit_name

    cuts = thresholds(classes)
    data = Dataset.load(dataset)
    table = estimate_dataset(data, method, seed=seed, progress=track)
    methods = [c.removeprefix("ita_") for c in table.columns if c.startswith("ita_")]
    width = max(map(len, methods))
    say(f"{'method':<{width}}  images   median ITA  share of the images a class, {' / '.join(cuts.labels)}")
    for m in methods:
        found = table[f"ita_{m}"].drop_nulls().to_list()
        held = [sum(cuts.rank(v) == i for v in found) for i in range(len(cuts.labels))]
        shares = " / ".join(f"{100 * n / len(found):.0f}" for n in held) if found else "none could be measured"
        middle = f"{median(found):.1f}" if found else "-"
        say(f"{m:<{width}}  {len(found):>6,}  {middle:>11}  {shares}")
    _say_refused(table)
    if len(methods) > 1:
        rows = data.usable()
        by = Resampling(seed=seed, groups=group_ids(rows).tolist(), unit=unit_name(rows))
        say()
        say(
            f"agreement by {by.unit}, 95 % intervals: same class ({classes}), quadratic kappa, "
            "mean difference in degrees"
        )
        for pair in tone_agreement(table, methods, cuts.rank, resampling=by):
            say(
                f"{pair.first:<{width}}  {pair.second:<{width}}  {pair.same.format(2)}  {pair.kappa.format(2)}  "
                f"{pair.difference.format(1)}"
            )
    say(f"{tone_path(data)}: {len(table):,} images")
    return 1 if (table["status"] == "error").any() else 0


def _say_refused(table: DataFrame) -> None:
    """How many images have no tone by the project's own method, and why."""
    import polars as pl

    why = (
        table.filter(pl.col("status") != "ok")
        .select(pl.col("status"), pl.col("reason").str.split(":").list.first())
        .group_by("status", "reason")
        .len()
        .sort("len", descending=True)
    )
    for status, reason, n in why.iter_rows():
        say(f"{status}, {n:,} of {len(table):,}: {reason}")
