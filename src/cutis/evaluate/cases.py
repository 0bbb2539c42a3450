"""One answer for several photographs: of a case (one consultation), a lesion or a patient."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import polars as pl

from cutis.errors import CutisError, nearest
from cutis.evaluate.arrays import Floats
from cutis.schema.predictions import Predictions

Per = Literal["case", "lesion", "patient"]
How = Literal["mean", "max", "noisy-or"]
_SAID = {
    "mean": "the mean of its photographs' probabilities",
    "max": "the largest of its photographs' probabilities of each class, divided by their sum",
    "noisy-or": "the chance that at least one of its photographs shows the class (noisy-or), divided by the sum",
}


def check_per(per: str | None, how: str) -> None:
    """Raise CutisError, with the nearest valid value, for a `per` or `how` that isn't one."""
    if per is not None and per not in get_args(Per):
        raise CutisError(f'per "{per}": {nearest(per, get_args(Per))}')
    if how not in get_args(How):
        raise CutisError(f'combine "{how}": {nearest(how, get_args(How))}')


def per_case(predictions: Predictions, per: Per, how: How = "mean") -> Predictions:
    """The table with one row for each case, lesion or patient, whose photographs are answered together.

    how: "mean" of the probabilities; "max" over the photographs of each class; "noisy-or", 1 - prod(1 - p). The last
    two are divided by their sum, so that rows sum to one again (not for multi-label tables, whose labels stand alone).
    A photograph that was refused counts only where all of them were; a row is "error" where all could not be read.
    `predicted` is the class of the largest probability, of equals the first. A photograph without an id is a row of its
    own. Target: the photographs' own; if they have several, the one of them that is malignant. Attributes stay where
    all photographs agree; of lists only the differential does. Answer sets are dropped: they were calibrated for single
    photographs.

    Raises CutisError for unknown `per` or `how`, without the column, or if the photographs' targets can't be one.
    """
    check_per(per, how)
    table, codes = predictions.table, predictions.codes
    column = f"{per}_id"
    if column not in table.columns or table[column].null_count() == len(table):
        raise CutisError(f"no row has a {column}, so photographs can't be put together per {per}. Add column {column}.")
    several = predictions.info.task == "multi-label"
    table = table.with_columns(
        _key=pl.when(pl.col(column).is_null())
        .then("image " + pl.col("image_id"))
        .otherwise(f"{per} " + pl.col(column).cast(pl.String))
    ).sort("_key", "image_id")
    best = {"ok": 0, "refused": 1, "error": 2}
    level = pl.col("status").replace_strict(best, return_dtype=pl.Int8)
    used = table.filter(level == level.min().over("_key"))
    keys = used["_key"].unique(maintain_order=True)
    row = used["_key"].replace_strict(keys, np.arange(len(keys)), return_dtype=pl.Int64).to_numpy()
    p = combine(used.select(f"p_{c}" for c in codes).to_numpy().astype(np.float64), row, how, normalise=not several)

    made = {"set", "predicted", "ood", "target", "labels", "image_id", "reason", "_key"}
    made |= {c for c in table.columns if c.startswith(("p_", "logit_"))}
    kept = [c for c, dtype in table.schema.items() if c not in made and not dtype.is_nested()]
    agreed = pl.all().exclude("_key").unique(maintain_order=True)
    first = (
        table.select("_key", *kept)
        .group_by("_key", maintain_order=True)
        .agg(agreed)
        .select("_key", *(pl.when(pl.col(c).list.len() == 1).then(pl.col(c).list.first()).alias(c) for c in kept))
        .with_columns(used.group_by("_key", maintain_order=True).agg(pl.col("status").first())["status"])
    )
    of_all = table.group_by("_key", maintain_order=True)
    out = first.with_columns(
        pl.Series("image_id", keys),
        pl.Series("target", _targets(predictions, table, per), dtype=pl.String),
        *(pl.Series(f"p_{c}", p[:, k]).fill_nan(None) for k, c in enumerate(codes)),
        of_all.agg(pl.col("ood").max())["ood"],
        *(of_all.agg(pl.col(c).drop_nulls().first())[c] for c in ("differential",) if c in table.columns),
        of_all.agg(pl.col("reason").drop_nulls().first())["reason"],
        pl.Series("set", [None] * len(keys), dtype=pl.List(pl.String)),
    )
    answer = np.where(np.isfinite(p).all(1), np.nan_to_num(p).argmax(1), -1)
    named = [None if several or k < 0 else codes[k] for k in answer]
    out = out.with_columns(pl.Series("predicted", named, dtype=pl.String))
    if several:
        out = out.with_columns(of_all.agg(_all_labels())["labels"])
    order = [c for c in predictions.table.columns if c in out.columns]
    info = predictions.info
    note = (
        f"Each row is a {per}: {len(table):,} photographs in {len(keys):,} rows, each answered by "
        f"{_SAID[how].removesuffix(', divided by the sum') if several else _SAID[how]}."
    )
    info = info.model_copy(update={"coverage": None, "notes": (*info.notes, note)})
    return replace(predictions, table=out.select(order), info=info)


def _all_labels() -> pl.Expr:
    """Every label that one of the photographs has; null where none of them is labelled."""
    labels = pl.col("labels")
    return pl.when(labels.is_not_null().any()).then(labels.explode().drop_nulls().unique().sort())


def combine(p: Floats, row: np.ndarray, how: How, *, normalise: bool) -> Floats:
    """(rows, classes) from (photographs, classes) probabilities; row: (photographs,) the row of each, rising from 0."""
    starts = np.flatnonzero(np.append(True, row[1:] != row[:-1])) if len(row) else np.zeros(0, np.int64)
    if how == "mean":
        total: Floats = np.add.reduceat(p, starts, axis=0) / np.diff(np.append(starts, len(row)))[:, None]
        return total
    if how == "max":
        found = np.maximum.reduceat(p, starts, axis=0)
    else:
        found = 1 - np.multiply.reduceat(1 - p, starts, axis=0)
    return found / found.sum(1, keepdims=True) if normalise else found


def _targets(predictions: Predictions, table: pl.DataFrame, per: Per) -> list[str | None]:
    """One target a row: the photographs' own or, of several, the one that is malignant."""
    malignant = {c.code for c in predictions.info.classes if c.malignant}
    found: list[str | None] = []
    held = table.group_by("_key", maintain_order=True).agg(pl.col("target").drop_nulls().unique().sort())
    for key, targets in held.iter_rows():
        worst = [t for t in targets if t in malignant]
        if len(targets) > 1 and len(worst) != 1:
            finer = "case or lesion" if per == "patient" else "lesion" if per == "case" else "image"
            raise CutisError(
                f"{key}: its photographs have the targets {', '.join(targets)}, so it has no single one. "
                f"Put photographs together per {finer}, or correct column target."
            )
        found.append(worst[0] if len(targets) > 1 else targets[0] if targets else None)
    return found
