"""What may have been learned instead of the lesion, of real photographs: estimated tone, detected artefacts, age."""

from __future__ import annotations

from typing import Any

import polars as pl

from cutis.data.dataset import Dataset
from cutis.data.picture_quality import look_over
from cutis.data.tone import estimate_dataset
from cutis.image.assess import defaults
from cutis.image.tone.estimate import DEFAULT
from cutis.progress import track

ARTEFACTS = {"hair": "hair", "ruler": "ruler", "ink": "ink", "dark_corner": "dark_corners"}  # ours: the detectors'


def nuisances(dataset: Dataset) -> pl.DataFrame:
    """image_id; ita, estimated; tone, the "lighter half" or "darker half" of this set; contrast of lesion and skin
    (DDI-CoCo's), its "high" or "low" half; of each artefact, its name or "none", as detected.
    """
    estimated = estimate_dataset(dataset, [DEFAULT], progress=track)
    tone = estimated.select("image_id", pl.col(f"ita_{DEFAULT}").alias("ita"))
    middle = tone["ita"].median()
    seen = look_over(dataset, progress=track)
    limits = defaults().artefacts
    there = [
        pl.when(pl.col(f"artefact_{detector}") >= limits[detector].threshold)
        .then(pl.lit(name))
        .when(pl.col(f"artefact_{detector}").is_not_null())
        .then(pl.lit("none"))
        .alias(name)
        for name, detector in ARTEFACTS.items()
    ]
    apart, between = pl.col("contrast_coco"), estimated["contrast_coco"].median()
    contrast = pl.when(apart < between).then(pl.lit("low")).when(apart.is_not_null()).then(pl.lit("high"))
    groups = tone.with_columns(
        half_by(pl.col("ita"), middle).alias("tone"), estimated.select(contrast.alias("contrast"))["contrast"]
    )
    return groups.join(seen.select("image_id", *there), on="image_id", how="left")


def half_by(ita: pl.Expr, middle: Any) -> pl.Expr:
    """Which half of the set an angle is in. No band: the darker half of a light-skinned set is not dark."""
    return pl.when(ita < middle).then(pl.lit("darker half")).when(ita.is_not_null()).then(pl.lit("lighter half"))
