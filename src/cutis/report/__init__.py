"""The report: a predictions file in, a folder out that a clinician can read and a machine can check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cutis.errors import CutisError
from cutis.files import atomic_folder, refuse_existing

if TYPE_CHECKING:
    from cutis.evaluate.cases import How, Per
    from cutis.schema.evidence import Evidence
    from cutis.schema.predictions import Predictions

# All that a report folder may hold: what `overwrite` is allowed to replace.
CONTENT = frozenset({"index.html", "evidence.json", "measured.csv", "figures", "thumbs"})


def evaluate(
    predictions: Predictions | Path | str,
    out: Path | str | None = None,
    *,
    by: Sequence[str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    unit: str | None = None,
    protocol: str | None = None,
    per: Per | None = None,
    combine: How = "mean",
    prevalence: float | None = None,
    truth: Path | str | None = None,
    score: str | None = None,
    score_is: str | None = None,
    overwrite: bool = False,
) -> Evidence:
    """Measure a predictions file and, with `out`, write its report there (see `write_report`).

    predictions: Cutis's own file, or another system's CSV or Parquet (`cutis.evaluate.reading.read_predictions`).
    The other arguments: as in `cutis.evaluate.measure.measure`.
    Raises CutisError on predictions that can't be audited and, before anything is measured, on an `out` that is taken.
    """
    from cutis.evaluate.measure import measure

    if out is not None:
        check_out(Path(out), overwrite)
    evidence = measure(
        predictions,
        by=by,
        resamples=resamples,
        seed=seed,
        unit=unit,
        protocol=protocol,
        per=per,
        combine=combine,
        prevalence=prevalence,
        truth=truth,
        score=score,
        score_is=score_is,
    )
    if out is not None:
        write_report(evidence, out, overwrite=overwrite)
    return evidence


def write_report(evidence: Evidence, out: Path | str, *, overwrite: bool = False) -> Path:
    """Write the report folder and return its path.

    It holds index.html (no script, nothing loaded from elsewhere), evidence.json, measured.csv (every estimate),
    figures/*.svg (standalone) and, where the images are at hand, thumbs/*.jpg of the worst mistakes.
    The folder appears complete or not at all. An `out` that exists is refused, unless it is empty, or `overwrite` is
    true and it is an earlier report with nothing else in it. Raises CutisError.
    """
    from cutis.report.figures import all_figures
    from cutis.report.page import render
    from cutis.report.svg import save_all
    from cutis.report.table import write_measured
    from cutis.report.thumbs import make_thumbs

    images = Path(evidence.info.images) if evidence.info.images else None
    with report_folder(Path(out), overwrite=overwrite) as folder:
        figures = all_figures(evidence)
        save_all(list(figures.values()), folder / "figures")
        thumbs = make_thumbs(evidence.mistakes, images, folder / "thumbs")
        (folder / "index.html").write_text(render(evidence, figures, thumbs), encoding="utf-8")
        evidence.save(folder / "evidence.json")
        write_measured(evidence, folder / "measured.csv")
    return Path(out)


@contextmanager
def report_folder(
    out: Path, *, overwrite: bool, content: frozenset[str] = CONTENT, mark: str = "evidence.json"
) -> Iterator[Path]:
    """Yield an empty folder that becomes `out`, all of it or nothing; an earlier report there is replaced if wished.

    content: all that such a report may hold; mark: the file, beside index.html, that shows it to be one.
    Raises CutisError if `out` is taken otherwise.
    """
    with atomic_folder(out, replace=check_out(out, overwrite, content, mark)) as folder:
        yield folder


def check_out(out: Path, overwrite: bool, content: frozenset[str] = CONTENT, mark: str = "evidence.json") -> bool:
    """Whether `out` holds an earlier report that will be replaced; raises CutisError if it is taken otherwise."""
    held = {p.name for p in out.iterdir()} if out.is_dir() else set()
    if not held:
        refuse_existing(out)
        return False
    report = {"index.html", mark} <= held
    if not report or not overwrite:
        hint = "Pass overwrite (--overwrite) to replace this report, or choose" if report else "Choose"
        raise CutisError(f"{out} exists already; nothing was changed. {hint} another output path.")
    strange = sorted(held - content)
    if strange:
        raise CutisError(
            f'{out} holds "{strange[0]}", which is not part of a report; nothing was changed. '
            "Move it away or choose another output path."
        )
    return True
