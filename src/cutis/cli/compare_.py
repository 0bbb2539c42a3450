from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cutis.cli import say

if TYPE_CHECKING:
    from cutis.schema.comparison import Comparison, Paired

_OVERALL: dict[str | None, tuple[str, ...]] = {
    None: ("accuracy", "balanced_accuracy", "macro_auroc", "brier", "ece", "coverage", "set_size", "refused"),
    "malignant": ("auroc", "average_precision"),
}
_FAIRNESS = ("worst_balanced_accuracy", "gap_accuracy", "eod", "eom", "pqd", "nar", "dpm")


def compare_(
    first: Path,
    second: Path,
    *,
    by: str | None = None,
    out: Path | None = None,
    resamples: int = 1000,
    unit: str | None = None,
    seed: int = 0,
    truth: Path | None = None,
    score: str | None = None,
    score_is: str | None = None,
) -> None:
    """Compare two predictions files of the same images: paired differences with intervals, overall and by group.

    Parameters
    ----------
    first
        Predictions file (before): Cutis's own, or another system's CSV or Parquet.
    second
        Predictions file (after); differences are second minus first.
    by
        Columns to group by, separated by commas, as in "sex,sex*age_band" (all known attributes if not given).
    out
        Folder to make, with compare.json and compare.csv: every number.
    resamples
        Bootstrap resamples.
    unit
        "image" treats photographs of one lesion as independent, which they aren't.
    seed
        Seed of the bootstrap.
    truth
        Table with the true classes, by image, if another system's file doesn't hold them.
    score
        Column with the probability of one class, if several of another system's columns could be it.
    score_is
        Class that a single score is of, if its column's name doesn't say it: a label of the truth, malignant or benign.
    """
    from cutis.evaluate.compare import compare
    from cutis.files import refuse_existing
    from cutis.report.table import write_comparison

    if out is not None:
        refuse_existing(out)
    columns = [c.strip() for c in by.split(",") if c.strip()] if by else None
    made = compare(
        first,
        second,
        by=columns,
        resamples=resamples,
        unit=unit,
        seed=seed,
        truth=truth,
        score=score,
        score_is=score_is,
    )
    _show(made)
    if out is not None:
        write_comparison(made, out)
        say(f"all numbers: {out / 'compare.json'}, {out / 'compare.csv'}")


def _show(made: Comparison) -> None:
    from cutis.report.words import plural

    say(f"first:  {made.first.name}")
    say(f"second: {made.second.name}")
    images = f"{made.rows:,} images"
    if made.unit != "image":
        images += f" of {made.units:,} {plural(made.unit, made.units)}"
    say(f"{images}; {100 * made.level:g} % intervals of second minus first, {made.resamples:,} paired resamples")
    say()
    _head("all images")
    for m in made.measured:
        point = m.metric.startswith(("sensitivity_at_point_", "specificity_at_point_"))
        if m.attribute is None and (m.metric in _OVERALL.get(m.class_code, ()) or point):
            _row(m.metric + (f", {m.class_code}" if m.class_code else ""), m)
    if made.mcnemar:
        whole = made.mcnemar[0]
        say(
            f"right in the first only {whole.only_first:,}, in the second only {whole.only_second:,}: McNemar's exact "
            f"p = {whole.p:.3g}"
        )
    for metric in ("accuracy", "balanced_accuracy"):
        rows = [m for m in made.measured if m.attribute is not None and m.metric == metric]
        if rows:
            say()
            _head(f"{metric} by group")
            for m in rows:
                _row(f"{m.attribute} {m.group}", m)
    rows = [m for m in made.fairness if m.metric in _FAIRNESS]
    if rows:
        say()
        _head("between groups")
        for m in sorted(rows, key=lambda m: _FAIRNESS.index(m.metric)):
            _row(f"{m.metric}, {m.attribute}", m)
    say()
    for note in made.notes:
        say(f"note: {note}")


def _head(title: str) -> None:
    say(f"{title:<44}{'n':>8}{'first':>8}{'second':>8}  difference")


def _row(name: str, m: Paired) -> None:
    name = name if len(name) <= 43 else name[:42] + "…"
    first, second = ("-" if v is None else f"{v:.3f}" for v in (m.first, m.second))
    if m.value is None:
        shown = f"not estimable: {m.reason}"
    elif m.low is None or m.high is None:
        shown = f"{m.value:+.3f} (no interval: {m.reason})"
    else:
        shown = f"{m.value:+.3f} ({m.low:+.3f} to {m.high:+.3f})"
    say(f"{name:<44}{m.n:>8,}{first:>8}{second:>8}  {shown}")
