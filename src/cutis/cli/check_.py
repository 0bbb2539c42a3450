from __future__ import annotations

from pathlib import Path

from cutis.cli import say


def check_(
    *datasets: Path,
    out: Path,
    predictions: Path | None = None,
    pixels: bool = True,
    seed: int = 0,
    overwrite: bool = False,
) -> int:
    """Write the data report: one page with every doubt about a dataset, and its findings as a table.

    Parameters
    ----------
    datasets
        Dataset folders; several are also checked against each other.
    out
        Folder to make: index.html, findings.parquet, quality.parquet, data.json, figures, thumbs.
    predictions
        Predictions file of a better model on these images, out of sample, to doubt labels with.
    pixels
        Look at every picture: blur, light, framing, hair, rulers and the like.
    seed
        Seed of the folds that labels and shortcuts are judged by.
    overwrite
        Replace an earlier data report in OUT.
    """
    from collections import Counter

    from cutis.data.checks import check, worst
    from cutis.data.dataset import Dataset
    from cutis.data.describe import describe
    from cutis.data.picture_quality import look_over
    from cutis.progress import track
    from cutis.report.data_page import Pictures, check_free, how_many, write_data_page
    from cutis.schema.finding import SEVERITIES
    from cutis.schema.predictions import Predictions

    check_free(out, overwrite)
    loaded = [Dataset.load(path) for path in datasets]
    given = Predictions.load(predictions) if predictions is not None else None
    looks = {d.card.name: look_over(d, progress=track) for d in loaded} if pixels else None
    findings = check(loaded, predictions=given, looks=looks, seed=seed, progress=track)
    pictures = {d.card.name: Pictures(d.path, dict(d.usable().select("image_id", "file").rows())) for d in loaded}
    write_data_page(describe(loaded, looks), findings, pictures, out, looks=looks, overwrite=overwrite)
    counts: Counter[str] = Counter()
    for finding in findings:
        counts[finding.severity] += how_many(finding)
    say(", ".join(f"{counts[s]:,} {s}{'' if counts[s] == 1 else 's'}" for s in SEVERITIES))
    for finding in [f for f in findings if f.severity in ("leak", "error")][:5]:
        where = f"{finding.dataset}: " if len(loaded) > 1 and finding.dataset else ""
        say(f"{finding.severity}: {where}{finding.check}: {finding.message}")
    say(f"report: {out / 'index.html'}")
    return 1 if worst(findings) else 0
