from __future__ import annotations

from pathlib import Path

from cutis.cli import say


def evaluate_(
    predictions: Path,
    *,
    out: Path,
    by: str | None = None,
    resamples: int = 1000,
    unit: str | None = None,
    seed: int = 0,
    overwrite: bool = False,
) -> None:
    """Measure a predictions file, with intervals, and write the report.

    Parameters
    ----------
    predictions
        Predictions file.
    out
        Report folder to make: index.html, evidence.json, measured.csv, figures.
    by
        Columns to group by, separated by commas (all known attributes if not given).
    resamples
        Bootstrap resamples.
    unit
        "image" treats photographs of one lesion as independent, which they aren't; stamped on the report.
    seed
        Seed of the bootstrap.
    overwrite
        Replace an earlier report in OUT.
    """
    from cutis.report import evaluate
    from cutis.report.headline import headline

    columns = [c.strip() for c in by.split(",") if c.strip()] if by else None
    evidence = evaluate(predictions, out, by=columns, resamples=resamples, unit=unit, seed=seed, overwrite=overwrite)
    for label, estimate in headline(evidence):
        say(f"{label}: {estimate.format()}")
    say(f"report: {out / 'index.html'}")
