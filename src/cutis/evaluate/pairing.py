"""Two predictions files of the same images, joined row by row; what doesn't match is said or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from cutis.errors import CutisError, nearest
from cutis.evaluate.arrays import Ints
from cutis.schema.identity import IDENTITY, check_identity, group_ids, unit_name
from cutis.schema.predictions import ATTRIBUTES, Predictions

_SHOWN = 3  # ids named in a message


@dataclass(frozen=True)
class Pair:
    """Both files' rows that can be compared, in the same order (of image_id), with identity and attributes of both.

    unit: (n,) labels of independent units; known: the unit that the ids allow. notes: what was left out.
    """

    first: Predictions
    second: Predictions
    unit: Ints
    known: str
    notes: list[str]


def pair(first: Predictions, second: Predictions, names: tuple[str, str]) -> Pair:
    """Join two checked tables on image_id. names: what to call them in messages.

    Compared are images that both answered (status "ok" or "refused") and that both give a target. A missing lesion or
    patient id, or attribute, is taken from the other file; the classes are the first's. Raises CutisError if classes,
    the task, targets or identities differ, one calls a class malignant and the other benign, or no image is in both.
    """
    notes = _check_classes(first, second, names)
    one, two = (p.table.sort("image_id") for p in (first, second))
    both = set(one["image_id"]) & set(two["image_id"])
    if not both:
        raise CutisError(_nothing_common(one, two, names))
    for table, name in ((one, names[0]), (two, names[1])):
        alone = table.filter(~pl.col("image_id").is_in(list(both)))["image_id"].to_list()
        if alone:
            some = ", ".join(alone[:_SHOWN]) + (", ..." if len(alone) > _SHOWN else "")
            notes.append(f"{len(alone):,} images are only in {name} and left out ({some}).")
    identity = _identity(one, two, names)
    units = pl.DataFrame({"image_id": identity["image_id"], "unit": group_ids(identity)})
    known = unit_name(identity)

    inside = pl.col("image_id").is_in(list(both))
    one, two = one.filter(inside), two.filter(inside)
    truth = "labels" if first.info.task == "multi-label" else "target"
    _check_targets(one, two, truth, names)
    answered = ((one["status"] != "error") & (two["status"] != "error")).to_numpy()
    labelled = (one[truth].is_not_null() & two[truth].is_not_null()).to_numpy()
    for rows, why in ((~answered, 'have status "error" in one of the files'), (answered & ~labelled, "have no target")):
        if rows.any():
            notes.append(f"{int(rows.sum()):,} images {why} and are left out.")
    kept = pl.Series(answered & labelled)
    if not kept.any():
        raise CutisError(
            f"{names[0]} and {names[1]}: nothing to compare: no image is answered in both and has a target in both."
        )
    one, two = one.filter(kept), two.filter(kept)
    shared = _attributes(one, two).join(identity, on="image_id", how="left")
    own = [c for c in shared.columns if c != "image_id"]
    tables = [
        t.drop(own, strict=False).join(shared, on="image_id", how="left", maintain_order="left") for t in (one, two)
    ]
    unit = one.select("image_id").join(units, on="image_id", how="left", maintain_order="left")["unit"]
    second_info = second.info.model_copy(update={"classes": first.info.classes})
    return Pair(
        Predictions(tables[0], first.info),
        Predictions(tables[1], second_info),
        unit.to_numpy().astype(np.int64),
        known,
        notes,
    )


def _check_classes(first: Predictions, second: Predictions, names: tuple[str, str]) -> list[str]:
    """Notes on classes of which only one file says whether they are malignant."""
    if first.info.task != second.info.task:
        raise CutisError(
            f"{names[0]} is {first.info.task} and {names[1]} is {second.info.task}: they can't be compared. Write both "
            "for the same task."
        )
    ours = {c.code: c for c in first.info.classes}
    for a, b, here, there in (
        (first, second, names[0], names[1]),
        (second, first, names[1], names[0]),
    ):
        missing = [code for code in a.codes if code not in b.codes]
        if missing:
            raise CutisError(
                f'{there}: no class "{missing[0]}", which {here} has: {nearest(missing[0], b.codes)} '
                "Files are compared on the same classes: rename or merge them first."
            )
    notes = []
    says = {True: "malignant", False: "benign", None: "neither malignant nor benign"}
    for theirs in second.info.classes:
        mine, its = ours[theirs.code].malignant, theirs.malignant
        words = f'class "{theirs.code}" is {says[mine]} in {names[0]} and {says[its]} in {names[1]}'
        if mine is not None and its is not None and mine != its:
            raise CutisError(f"{words}. Give both files the same classes.")
        if mine != its:
            notes.append(f"{words[0].upper()}{words[1:]}: the first is taken.")
    return notes


def _nothing_common(one: pl.DataFrame, two: pl.DataFrame, names: tuple[str, str]) -> str:
    if not len(one) or not len(two):
        return f"{names[0] if not len(one) else names[1]}: the table has no rows, so there is nothing to compare."
    return (
        f'{names[0]} and {names[1]}: no image_id is in both: the one has "{one["image_id"][0]}", the other '
        f'"{two["image_id"][0]}". Write the same ids in both (a file ending or a folder is part of an id).'
    )


def _identity(one: pl.DataFrame, two: pl.DataFrame, names: tuple[str, str]) -> pl.DataFrame:
    """Identity of every image of either file; what one doesn't know is taken from the other."""
    joined = one.select(IDENTITY).join(two.select(IDENTITY), on="image_id", how="full", coalesce=True, suffix="_2")
    for column in ("lesion_id", "patient_id"):
        differ = joined.filter(pl.col(column) != pl.col(f"{column}_2"))
        if len(differ):
            row = differ.sort("image_id").row(0, named=True)
            raise CutisError(
                f'image "{row["image_id"]}": {column} is "{row[column]}" in {names[0]} and "{row[f"{column}_2"]}" in '
                f"{names[1]} ({len(differ):,} such images). Correct one of them, or leave it empty."
            )
    found = joined.select("image_id", *(pl.coalesce(c, f"{c}_2").alias(c) for c in IDENTITY[1:])).sort("image_id")
    check_identity(found, f"{names[0]} and {names[1]} together")
    return found


def _check_targets(one: pl.DataFrame, two: pl.DataFrame, truth: str, names: tuple[str, str]) -> None:
    pairs = one.select("image_id", pl.col(truth).alias("a")).with_columns(two[truth].alias("b"))
    if truth == "labels":
        pairs = pairs.with_columns(pl.col("a", "b").list.sort().list.join(", "))
    differ = pairs.filter(pl.col("a") != pl.col("b"))
    if len(differ):
        row = differ.row(0, named=True)
        raise CutisError(
            f'image "{row["image_id"]}": {truth} is "{row["a"]}" in {names[0]} and "{row["b"]}" in {names[1]} '
            f"({len(differ):,} such images). Compare predictions of the same truth."
        )


def _attributes(one: pl.DataFrame, two: pl.DataFrame) -> pl.DataFrame:
    """image_id and what may be grouped by: columns that aren't a file's own answers; gaps filled from the other."""
    answers = ("p_", "logit_")
    fixed = {*IDENTITY[1:], "target", "predicted", "set", "ood", "status", "reason", "labels", "file"}

    def own(table: pl.DataFrame) -> Sequence[str]:
        usable = [c for c in table.columns if c not in fixed and not c.startswith(answers)]
        return [c for c in usable if c == "image_id" or not table[c].dtype.is_nested()]

    joined = one.select(own(one)).join(two.select(own(two)), on="image_id", how="left", suffix="__2")
    for column in [c for c in (*ATTRIBUTES, "age_approx") if f"{c}__2" in joined.columns]:
        if joined[column].dtype == joined[f"{column}__2"].dtype:
            joined = joined.with_columns(pl.coalesce(column, f"{column}__2"))
    return joined.drop([c for c in joined.columns if c.endswith("__2")])
