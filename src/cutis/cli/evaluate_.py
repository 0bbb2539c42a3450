from __future__ import annotations

from pathlib import Path
from typing import Literal

from cutis.cli import say


def evaluate_(
    predictions: Path,
    *,
    out: Path,
    by: str | None = None,
    resamples: int = 1000,
    unit: str | None = None,
    seed: int = 0,
    truth: Path | None = None,
    score: str | None = None,
    score_is: str | None = None,
    protocol: str | None = None,
    per: Literal["case", "lesion", "patient"] | None = None,
    combine: Literal["mean", "max", "noisy-or"] = "mean",
    prevalence: float | None = None,
    card: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Measure a predictions file, with intervals, and write the report.

    Warns where the model is no better than chance, or its answer sets don't hold the truth as often as they should.

    Parameters
    ----------
    predictions
        Predictions file: Cutis's own, or another system's CSV or Parquet (one column a class, one row for each image
        and class, or a single score).
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
    truth
        Table with the true classes, by image, if another system's file doesn't hold them.
    score
        Column with the probability of one class (malignancy, if its name says no other), if several of another
        system's columns could be it.
    score_is
        Class that a single score is of, if its column's name doesn't say it: a label of the truth, malignant or benign.
    protocol
        Add a challenge's own scores: isic2017, isic2018, isic2019, isic2020, isic2024 or medmnist.
    per
        Answer a case, lesion or patient by all its photographs.
    combine
        How their probabilities are put together.
    prevalence
        Share of malignant lesions where the model would be used, such as 0.02: for predictive values there.
    card
        The bundle that made these predictions: what is measured is kept beside it and shown on its card and in the
        workbench. Its digest stays the same.
    overwrite
        Replace an earlier report in OUT.
    """
    from cutis.errors import CutisError
    from cutis.evaluate.protocols import find_protocol
    from cutis.report import check_out, evaluate, write_report
    from cutis.report.headline import headline

    if card is not None:
        from cutis.bundle.load import read_card
        from cutis.bundle.record import checked, record

        read_card(card)
        if per is not None:
            raise CutisError(f"--card and --per {per}: a card shows numbers of images. Leave one of them out.")
    check_out(out, overwrite)
    columns = [c.strip() for c in by.split(",") if c.strip()] if by else None
    evidence = evaluate(
        predictions,
        by=columns,
        resamples=resamples,
        unit=unit,
        seed=seed,
        truth=truth,
        score=score,
        score_is=score_is,
        protocol=protocol,
        per=per,
        combine=combine,
        prevalence=prevalence,
    )
    if card is not None:
        checked(card, evidence)
    write_report(evidence, out, overwrite=overwrite)
    counts = evidence.counts
    if counts.labelled < counts.rows or counts.error:
        say(
            f"measured on {counts.rows:,} rows less {counts.rows - counts.labelled:,} without a known truth and "
            f"{counts.error:,} unreadable"
        )
    for label, estimate in headline(evidence):
        say(f"{label}: {estimate.format()}")
    if protocol is not None:
        for m in evidence.measured:
            if m.metric == f"{protocol}:{find_protocol(protocol).main}":
                say(f"{m.metric}: {m.estimate.format()}")
    for remark in evidence.remarks:
        say(f"{'warning' if remark.warns else 'note'}: {remark.words}")
    said = {remark.words for remark in evidence.remarks}
    for note in dict.fromkeys(evidence.info.notes):
        if note not in said:
            say(f"note: {note}")
    say(f"report: {out / 'index.html'}")
    if card is not None:
        record(card, evidence)
        say(f"card: {card / 'card.md'}")
    elif evidence.info.bundle:
        say("the bundle's card doesn't show this: give the bundle as --card to have it there and in the workbench")
