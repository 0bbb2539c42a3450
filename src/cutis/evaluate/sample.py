"""The rows that are measured, as arrays: what was true, what was said, and who is whom."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from cutis.errors import CutisError
from cutis.evaluate.arrays import Bools, Floats, Ints
from cutis.evaluate.class_names import differentials
from cutis.schema.classes import ClassInfo
from cutis.schema.identity import group_ids
from cutis.schema.predictions import Predictions


@dataclass(frozen=True)
class Sample:
    """n answered and labelled rows, in order of image_id.

    target, predicted: (n,) class numbers. p: (n, classes). unit: (n,) numbers 0..n_units-1 in order of first
    appearance; rows of one unit are never independent. has_set, covered, refused: (n,) booleans; set_size: (n,), 0
    where there is no set. What only some tables have: labels, (n, classes), every label that is present, of a
    multi-label table (its target and predicted are -1); patient, (n,) numbers, -1 if unknown; lesion, (n,) numbers from
    0, an image of no known lesion being one of its own; weight, (n,) of a
    challenge's truth; differential, (n, classes + 1), readers' weights (`class_names.differentials`). task: as in
    `PredictionsInfo`.
    """

    classes: tuple[ClassInfo, ...]
    ids: pl.Series
    unit_name: str
    unit: Ints
    target: Ints
    predicted: Ints
    p: Floats
    has_set: Bools
    covered: Bools
    set_size: Floats
    refused: Bools
    task: str = "multi-class"
    labels: Bools | None = None
    patient: Ints | None = None
    lesion: Ints | None = None
    weight: Floats | None = None
    differential: Floats | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def n_units(self) -> int:
        return int(self.unit.max()) + 1 if len(self.unit) else 0

    @cached_property
    def correct(self) -> Bools:
        right: Bools = self.target == self.predicted
        return right

    @cached_property
    def confidence(self) -> Floats:
        """The largest probability of each row."""
        return self.p.max(1) if len(self) else np.zeros(0)

    def case(self, k: int) -> Bools:
        """(n,) whether class k is present."""
        present: Bools = self.target == k if self.labels is None else self.labels[:, k]
        return present

    def units_in(self, rows: Bools) -> int:
        """How many units have a row in the mask."""
        return int(np.count_nonzero(np.bincount(self.unit[rows])))

    def subset(self, rows: Bools) -> Sample:
        """The rows of a mask, with their units numbered anew, so that nothing of the others is left in the result."""
        return Sample(
            classes=self.classes,
            ids=self.ids.filter(pl.Series(rows)),
            unit_name=self.unit_name,
            unit=renumber(self.unit[rows]),
            target=self.target[rows],
            predicted=self.predicted[rows],
            p=self.p[rows],
            has_set=self.has_set[rows],
            covered=self.covered[rows],
            set_size=self.set_size[rows],
            refused=self.refused[rows],
            task=self.task,
            labels=_of(self.labels, rows),
            patient=_of(self.patient, rows),
            lesion=_of(self.lesion, rows),
            weight=_of(self.weight, rows),
            differential=_of(self.differential, rows),
        )


def _of[T: (Bools, Ints, Floats)](values: T | None, rows: Bools) -> T | None:
    return None if values is None else values[rows]


def renumber(labels: Ints) -> Ints:
    """Labels as 0..k-1 in order of first appearance."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse].astype(np.int64)


def make_sample(predictions: Predictions, unit: Ints, unit_name: str, where: str) -> Sample:
    """The sample of a table whose rows are all answered and labelled, sorted by image_id.

    unit: (n,) labels of the independent units, any integers. Raises CutisError if an answered row has no `predicted`
    (but for multi-label tables, which have none).
    """
    table, codes = predictions.table, predictions.codes
    several = predictions.info.task == "multi-label"
    nameless = table.filter(pl.col("predicted").is_null() & (not several))
    if len(nameless):
        raise CutisError(
            f'{where}: image "{nameless["image_id"][0]}" has probabilities but no predicted class. '
            "Write the answer's class code in column predicted."
        )
    number = {code: k for k, code in enumerate(codes)}

    def numbers(column: str) -> Ints:
        if several:
            return np.full(len(table), -1, np.int64)
        return table[column].replace_strict(number, return_dtype=pl.Int64).to_numpy()

    weight = None
    if "score_weight" in table.columns:
        weight = table["score_weight"].cast(pl.Float64).fill_null(np.nan).to_numpy()
        wrong = ~(np.isfinite(weight) & (weight >= 0))
        if wrong.any():
            i = int(wrong.argmax())
            raise CutisError(
                f'{where}: image "{table["image_id"][i]}": score_weight is {table["score_weight"][i]}; expected a '
                "number from 0, and 0 leaves the image out."
            )
    sets = table["set"]
    return Sample(
        classes=predictions.info.classes,
        ids=table["image_id"],
        unit_name=unit_name,
        unit=renumber(unit),
        target=numbers("target"),
        predicted=numbers("predicted"),
        p=predictions.probabilities(),
        has_set=sets.is_not_null().to_numpy(),
        covered=table.select(pl.col("set").list.contains(pl.col("target")).fill_null(False))["set"].to_numpy(),
        set_size=sets.list.len().fill_null(0).to_numpy().astype(np.float64),
        refused=(table["status"] == "refused").to_numpy(),
        task=predictions.info.task,
        labels=_labels(table, codes) if several else None,
        patient=_patients(table),
        lesion=None if table["lesion_id"].null_count() == len(table) else group_ids(table, ("lesion",)),
        weight=weight,
        differential=differentials(table, predictions.info.classes),
    )


def _labels(table: pl.DataFrame, codes: list[str]) -> Bools:
    held = table.select(pl.col("labels").list.contains(code).alias(code) for code in codes)
    return held.to_numpy().astype(bool)


def _patients(table: pl.DataFrame) -> Ints | None:
    """(n,) numbers of the patients, -1 where unknown; None if no row has one."""
    if table["patient_id"].null_count() == len(table):
        return None
    codes = table["patient_id"].rank("dense").fill_null(0)
    return codes.to_numpy().astype(np.int64) - 1
