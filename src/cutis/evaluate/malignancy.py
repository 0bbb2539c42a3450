"""Malignant against benign: the two-way question, and thresholds that were fixed beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cutis.errors import CutisError
from cutis.evaluate.arrays import Bools, Floats
from cutis.evaluate.discrimination import MALIGNANT
from cutis.evaluate.quantities import SumBlock
from cutis.evaluate.sample import Sample
from cutis.schema.classes import ClassInfo


@dataclass(frozen=True)
class TwoWay:
    """(n,) arrays: score is the sum of p over malignant classes; rows, whether the true class is on either side (a
    class whose `malignant` is None is on neither); case, whether it is malignant."""

    score: Floats
    rows: Bools
    case: Bools


def is_two_way(classes: tuple[ClassInfo, ...]) -> bool:
    """Whether the classes hold at least one malignant and one benign."""
    return {True, False} <= {c.malignant for c in classes}


def two_way(sample: Sample) -> TwoWay:
    sick = np.array([c.malignant is True for c in sample.classes])
    well = np.array([c.malignant is False for c in sample.classes])
    case = sick[sample.target]
    return TwoWay(score=sample.p[:, sick].sum(1), rows=case | well[sample.target], case=case)


def thresholds(operating_points: Mapping[str, Any], where: str) -> dict[str, float]:
    """Name -> threshold on p(malignant), from {name: {"threshold": t, ...}} or {name: t}. Raises CutisError."""
    found = {}
    for name, point in operating_points.items():
        value = point.get("threshold") if isinstance(point, Mapping) else point
        if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
            raise CutisError(
                f'{where}: operating point "{name}" has no threshold; expected {{"threshold": number on p(malignant)}}.'
            )
        found[name] = float(value)
    return found


def add_operating_points(block: SumBlock, question: TwoWay, points: Mapping[str, float]) -> None:
    """Sensitivity and specificity of "p(malignant) >= threshold" at each point, on rows that are on either side."""
    sick, well = question.rows & question.case, question.rows & ~question.case
    for name, threshold in points.items():
        called = question.score >= threshold
        block.add_share(f"sensitivity_at_point_{name}", called, sick, class_code=MALIGNANT, what="that are malignant")
        block.add_share(f"specificity_at_point_{name}", ~called, well, class_code=MALIGNANT, what="that are benign")
