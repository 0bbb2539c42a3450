"""Quality and artefacts of every picture of a dataset: measured once, then told as findings and counted by class."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import polars as pl

from cutis.data.dataset import Dataset
from cutis.data.threads import ordered
from cutis.image.artefacts import DETECTORS
from cutis.image.assess import assess, defaults
from cutis.image.decode import OVERSAMPLE, BadImage, decode, read_bytes, room_for
from cutis.image.quality import MEASURES
from cutis.image.working import SIDE
from cutis.progress import Progress, silent
from cutis.schema.data_facts import ArtefactCount
from cutis.schema.finding import Finding

CHECK = "picture quality"
TOLD = 100  # images of one fault that are told one by one, the worst first; the others are counted
_LEAST = math.ceil(SIDE / OVERSAMPLE)  # a larger JPEG may be decoded at a part of its size
_NUMBERS = [*(f"quality_{name}" for name in MEASURES), *(f"artefact_{name}" for name in DETECTORS)]
_SCHEMA = {"image_id": pl.String, "unreadable": pl.String} | dict.fromkeys(_NUMBERS, pl.Float64)


def look_over(dataset: Dataset, *, progress: Progress[Any] = silent) -> pl.DataFrame:
    """One row a usable image, in the manifest's order: all numbers of `cutis.image.assess`, as Assessment.row names
    them.

    Before them: image_id; unreadable (why its file can't be read now, then the numbers are null); refused (codes of
    `cutis.image.quality` that apply: "too blurred"); found (names of artefacts that are there: "hair").
    """
    usable = dataset.usable().select("image_id", "file")

    def work(row: tuple[str, str]) -> dict[str, Any]:
        return {"image_id": row[0], **_looked(dataset.path / row[1])}

    rows = list(progress(ordered(work, usable.iter_rows()), len(usable), "look"))
    table = pl.DataFrame(rows, schema=_SCHEMA)
    own = defaults()
    measures = {n: s for n, s in own.scores.items() if s.code}
    codes = dict.fromkeys(s.code for s in measures.values())
    bad = [
        pl.when(pl.any_horizontal(*(_below(n) for n, s in measures.items() if s.code == code))).then(pl.lit(code))
        for code in codes
    ]
    there = [pl.when(pl.col(f"artefact_{n}") >= a.threshold).then(pl.lit(n)) for n, a in own.artefacts.items()]
    return table.select(
        "image_id",
        "unreadable",
        pl.concat_list(bad).list.drop_nulls().alias("refused"),
        pl.concat_list(there).list.drop_nulls().alias("found"),
        *_NUMBERS,
    )


def quality_findings(dataset: Dataset, looks: pl.DataFrame) -> list[Finding]:
    """Pictures that should be taken again (warnings) or whose light is coloured (notes), the worst of each fault first.

    looks: of `look_over`.
    """
    name, found = dataset.card.name, []
    for image_id, why in looks.filter(pl.col("unreadable").is_not_null()).select("image_id", "unreadable").rows():
        found.append(Finding("unreadable image", "warning", f"its file: {why}", name, image_id))
    for measure, score in defaults().scores.items():
        column = f"quality_{measure}"
        bad = looks.filter(_below(measure)).sort(column, "image_id")
        fault = score.code or measure.replace("_", " ")
        for image_id, value in bad.head(TOLD).select("image_id", column).rows():
            words = f"{fault}: {measure.replace('_', ' ')} is {value:.3g}, below {score.threshold:.3g}. {score.advice}"
            found.append(Finding(CHECK, "warning" if score.code else "note", words, name, image_id, score=value))
        if len(bad) > TOLD:
            words = f"{fault}: {len(bad) - TOLD:,} more images, less so"
            rest = float(len(bad) - TOLD)
            found.append(
                Finding(CHECK, "warning" if score.code else "note", words, name, other_dataset=name, score=rest)
            )
    return found


def artefact_counts(dataset: Dataset, looks: pl.DataFrame) -> tuple[ArtefactCount, ...]:
    """How many images of each class each artefact was found in, and first ("") how many were looked at."""
    table = looks.filter(pl.col("unreadable").is_null()).join(
        dataset.manifest.select("image_id", "target"), on="image_id"
    )

    def count(name: str, rows: pl.DataFrame) -> ArtefactCount:
        by = dict(rows["target"].drop_nulls().value_counts().rows())
        return ArtefactCount(name=name, images=len(rows), classes={c: by.get(c, 0) for c in dataset.codes})

    return (count("", table), *(count(n, table.filter(pl.col("found").list.contains(n))) for n in DETECTORS))


def _looked(file: Path) -> dict[str, Any]:
    try:
        data = read_bytes(file)
        with room_for(data, file.name, least=_LEAST, copies=2):
            return assess(decode(data, file.name, least=_LEAST)).row()
    except BadImage as error:
        return {"unreadable": error.reason}


def _below(measure: str) -> pl.Expr:
    return pl.col(f"quality_{measure}") < defaults().scores[measure].threshold
