"""What guessing gets, and where a number lies beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cutis.schema.estimate import Estimate, Side, side

if TYPE_CHECKING:
    from cutis.schema.evidence import Evidence, Measured

COIN = 0.5  # area under the ROC curve of scores that know nothing
# Metric and class code of the numbers that are held against chance; of the areas the first that there is.
HELD = (("balanced_accuracy", None), ("auroc", "malignant"), ("macro_auroc", None))


def against_chance(evidence: Evidence) -> list[Measured]:
    """The numbers that are held against chance: balanced accuracy, and AUROC of malignant, else macro AUROC."""
    balanced, malignant, macro = (evidence.find(*key) for key in HELD)
    return [m for m in (balanced, malignant or macro) if m is not None]


def chance(evidence: Evidence, measured: Measured) -> float:
    """What guessing gets. Balanced accuracy: 1 over the classes that there are rows of, which always the same answer
    gets too; areas under ROC curves: 0.5."""
    if measured.metric != "balanced_accuracy":
        return COIN
    present = sum(1 for row in evidence.confusion if sum(row))
    return 1 / max(present or len(evidence.info.classes), 1)


def beside(measured: Measured | Estimate, level: float) -> Side:
    """As `side`; "unknown" also where there is no value."""
    return "unknown" if measured.value is None else side(measured, level)
