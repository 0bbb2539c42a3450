"""The numbers that claims are about, as functions of weighted rows, so that any of them can be resampled by unit."""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl

from cutis.evaluate.arrays import Bools, Floats
from cutis.evaluate.resampled import Statistic
from cutis.papers.claim import Better, Metric

BINS = 15  # of the calibration error


def _codes(table: pl.DataFrame) -> list[str]:
    return [c.removeprefix("p_") for c in table.columns if c.startswith("p_")]


def _balanced(table: pl.DataFrame, rows: Bools) -> Statistic:
    """Mean recall over the classes that these rows have."""
    target = table["target"].to_numpy()
    right = (table["predicted"].to_numpy() == target) & rows
    among = np.stack([(target == code) & rows for code in sorted(set(target[rows]))]).astype(float)
    hits = among * right

    def value(weights: Floats) -> Floats:
        with np.errstate(invalid="ignore"):
            recalls: Floats = (hits @ weights) / (among @ weights)
        return recalls.mean(0)

    return value


def _whole(table: pl.DataFrame) -> Statistic:
    return _balanced(table, np.ones(len(table), bool))


def _within(table: pl.DataFrame, column: str, group: str) -> Statistic:
    return _balanced(table, (table[column] == group).fill_null(False).to_numpy())


def _gap(table: pl.DataFrame, column: str, one: str, other: str) -> Statistic:
    first, second = _within(table, column, one), _within(table, column, other)

    def value(weights: Floats) -> Floats:
        return first(weights) - second(weights)

    return value


def _worst(table: pl.DataFrame, column: str) -> Statistic:
    groups = sorted(table[column].cast(pl.String).drop_nulls().unique())
    every = [_within(table.with_columns(pl.col(column).cast(pl.String)), column, g) for g in groups]

    def value(weights: Floats) -> Floats:
        lowest: Floats = np.stack([one(weights) for one in every]).min(0)
        return lowest

    return value


def _auroc(table: pl.DataFrame, column: str, case: str, rows: Bools | None = None) -> Statistic:
    """Of the score in `column`, for the bool column `case`, of these rows or all; ties count half."""
    score, sick = table[column].to_numpy(), table[case].to_numpy().astype(bool)
    among = np.ones(len(table)) if rows is None else rows.astype(float)
    order = np.argsort(score, kind="stable")
    level = np.unique(score[order], return_inverse=True)[1]
    starts = np.flatnonzero(np.r_[True, np.diff(level) > 0])

    def value(weights: Floats) -> Floats:
        w = (among[:, None] * weights)[order]
        cases = np.add.reduceat(w * sick[order, None], starts, axis=0)
        others = np.add.reduceat(w * ~sick[order, None], starts, axis=0)
        below = np.cumsum(others, axis=0) - others / 2
        with np.errstate(invalid="ignore"):
            found: Floats = (cases * below).sum(0) / (cases.sum(0) * others.sum(0))
        return found

    return value


def _auroc_gap(table: pl.DataFrame, column: str, above: float | None) -> Statistic:
    group = table[column] if above is None else table[column] >= above
    group = group.cast(pl.String)
    every = [
        _auroc(table, "p_malignant", "malignant", (group == g).fill_null(False).to_numpy())
        for g in sorted(group.drop_nulls().unique())
    ]

    def value(weights: Floats) -> Floats:
        found = np.stack([one(weights) for one in every])
        apart: Floats = found.max(0) - found.min(0)
        return apart

    return value


def _ece(table: pl.DataFrame) -> Statistic:
    p = table.select([f"p_{c}" for c in _codes(table)]).to_numpy()
    sure = p.max(1)
    right = (table["predicted"] == table["target"]).to_numpy().astype(float)
    which = np.minimum((sure * BINS).astype(int), BINS - 1)
    member = (which == np.arange(BINS)[:, None]).astype(float)
    off = member * (right - sure)

    def value(weights: Floats) -> Floats:
        found: Floats = np.abs(off @ weights).sum(0) / weights.sum(0)
        return found

    return value


def _mean(table: pl.DataFrame, column: str) -> Statistic:
    values = table[column].cast(pl.Float64).to_numpy()

    def value(weights: Floats) -> Floats:
        found: Floats = (values @ weights) / weights.sum(0)
        return found

    return value


BALANCED_ACCURACY = Metric("balanced_accuracy", "balanced accuracy", "higher", _whole)
ECE = Metric("ece", f"expected calibration error ({BINS} bins)", "lower", _ece)


def within(column: str, group: str) -> Metric:
    """Balanced accuracy of the rows whose `column` is `group`."""
    return Metric(
        f"balanced_accuracy[{column}={group}]",
        f"balanced accuracy where {column} is {group}",
        "higher",
        partial(_within, column=column, group=group),
    )


def gap(column: str = "bias", one: str = "with", other: str = "against") -> Metric:
    """Balanced accuracy of one group less the other's. Over a planted world's `bias`, whose groups are where class and
    nuisance go together as in training and where they don't, this is the average odds difference."""
    return Metric(
        f"gap[{column}:{one}-{other}]",
        f"balanced accuracy where {column} is {one}, less where it is {other}",
        "lower",
        partial(_gap, column=column, one=one, other=other),
    )


def worst(column: str) -> Metric:
    """Balanced accuracy of the worst group; low by chance alone where groups are small."""
    words = f"balanced accuracy of the worst group by {column}"
    return Metric(f"worst[{column}]", words, "higher", partial(_worst, column=column))


def auroc_gap(column: str, above: float | None = None) -> Metric:
    """AUROC of malignant in the group with the highest, less that in the group with the lowest; with `above`, the
    groups are the values from it on and those below. Not negative, so chance alone makes it more than 0."""
    words = f"AUROC of malignant, how far groups by {column} are apart"
    return Metric(f"auroc_gap[{column}]", words, "lower", partial(_auroc_gap, column=column, above=above))


def auroc(score: str, case: str) -> Metric:
    """Area under the ROC curve of the column `score` for the bool column `case`."""
    words = f"AUROC of {score} for {case}"
    return Metric(f"auroc[{score}:{case}]", words, "higher", partial(_auroc, column=score, case=case))


def mean_of(column: str, words: str, better: Better = "higher", unit: str = "") -> Metric:
    """Mean of a column that the trial's own look made."""
    return Metric(f"mean[{column}]", words, better, partial(_mean, column=column), unit)


AUROC = Metric(
    "auroc_malignant", "AUROC of malignant", "higher", partial(_auroc, column="p_malignant", case="malignant")
)
# What a method that is about groups did to photographs: over all, and between groups. Not by ink, which few have, nor
# by how the diagnosis was confirmed, as melanomas are confirmed in one way.
IN_GROUPS = (
    BALANCED_ACCURACY,
    AUROC,
    *(auroc_gap(column) for column in ("tone", "contrast", "hair", "ruler", "dark_corner")),
    auroc_gap("age_approx", above=50),
)
