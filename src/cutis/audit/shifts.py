"""A bundle's answers to the same images under a suite of shifts, in memory, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cutis.audit.corrupt import CLEAN
from cutis.audit.counterfactual.answers import Model
from cutis.data.threads import ordered
from cutis.evaluate.robustness import Robustness, robustness
from cutis.image.corruptions.base import SEVERITIES, Corruption, generator
from cutis.image.decode import Picture, read_square
from cutis.progress import Progress, silent
from cutis.schema.dossier import ShiftRow
from cutis.schema.estimate import Estimate
from cutis.schema.predictions import Predictions, PredictionsInfo

SIZE = 224  # pixels: images are scaled to it before they are changed; MedMNIST-C's values are for it
_BATCH = 128


def squares(rows: pl.DataFrame, folder: Path, progress: Progress[Any] = silent) -> np.ndarray:
    """The images of the rows' `file`s, uint8 (n, SIZE, SIZE, 3)."""
    files = rows["file"].to_list()
    made = ordered(lambda file: read_square(folder / file, SIZE, file), files)
    return np.stack(list(progress(made, len(files), "read")))


def shifted(
    model: Model,
    ids: Sequence[str],
    images: np.ndarray,
    corruption: Corruption | None,
    *,
    seed: int,
    severities: Sequence[int] = SEVERITIES,
    progress: Progress[Any] = silent,
) -> pl.DataFrame:
    """image_id, corruption, severity and p_<code> of each image at each severity; unchanged if corruption is None."""
    name, levels = (CLEAN, (0,)) if corruption is None else (corruption.name, severities)
    jobs = [(i, severity) for severity in levels for i in range(len(ids))]

    def work(job: tuple[int, int]) -> Picture:
        i, severity = job
        if corruption is None:
            return Picture.whole(images[i])
        return Picture.whole(corruption.apply(images[i], severity, generator(seed, ids[i], corruption.name)))

    made = progress(ordered(work, jobs), len(jobs), name)
    stream, parts = iter(made), []
    while batch := list(islice(stream, _BATCH)):
        parts.append(model.answer(batch))
    p = np.concatenate(parts)
    return pl.DataFrame(
        {
            "image_id": [ids[i] for i, _ in jobs],
            "corruption": name,
            "severity": pl.Series([severity for _, severity in jobs], dtype=pl.Int64),
            **{f"p_{c.code}": p[:, k] for k, c in enumerate(model.classes)},
        }
    )


def shift_rows(
    answers: pl.DataFrame, rows: pl.DataFrame, info: PredictionsInfo, chosen: Sequence[Corruption], resamples: int
) -> tuple[list[ShiftRow], tuple[str, ...]]:
    """Balanced error of each corruption and severity, its change, and BE and rBE; and notes.

    answers: of `shifted`, all corruptions and the unchanged. rows: image_id, lesion_id, patient_id, source, target.
    """
    codes = [c.code for c in info.classes]
    p = answers.select(f"p_{c}" for c in codes).to_numpy()
    table = answers.join(
        rows.select("image_id", "lesion_id", "patient_id", "source", "target"), on="image_id", how="left"
    ).with_columns(
        pl.col("lesion_id").fill_null(pl.format("image {}", "image_id")),  # its changed copies are one with it
        pl.format("{}__{}_{}", "image_id", "corruption", "severity").alias("image_id"),
        pl.Series("predicted", [codes[k] for k in p.argmax(1)]),
        pl.lit(None, pl.List(pl.String)).alias("set"),
        pl.lit(None, pl.Float64).alias("ood"),
        pl.lit("ok").alias("status"),
        pl.lit(None, pl.String).alias("reason"),
    )
    found = robustness(Predictions(table, info), resamples=resamples)
    return _rows(found, chosen), (f"BE and rBE are against {found.baseline}.", *found.notes)


def _rows(found: Robustness, chosen: Sequence[Corruption]) -> list[ShiftRow]:
    of = {c.name: c for c in chosen}

    def none(like: Estimate) -> Estimate:
        why = "a mean over severities, itself a comparison"
        return Estimate.missing(why, n=like.n, n_units=like.n_units, unit=like.unit)

    made = []
    for s in found.shifts:
        if s.severity is None:
            continue
        one = of[s.corruption]
        made.append(
            ShiftRow(
                suite=one.suite,
                shift=one.name,
                severity=s.severity,
                value=one.value(s.severity),
                unit=one.unit,
                metric="balanced_error",
                estimate=s.error,
                change=s.change,
            )
        )
    for a in found.against:
        for metric, estimate in (("be", a.be), ("rbe", a.rbe)):
            suite = of[a.corruption].suite if a.corruption else "medmnistc"
            made.append(
                ShiftRow(
                    suite=suite,
                    shift=a.corruption or "mean",
                    severity=None,
                    metric=metric,
                    estimate=estimate,
                    change=none(estimate),
                )
            )
    return made
