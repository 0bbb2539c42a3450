"""What a reader must know before any number: is it better than chance, do the sets hold what they were made to hold.

Remarks are made of the evidence alone, so they are the same on a page, on the command line and on a bundle's card.
Programs branch on `code` and `about`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from cutis.schema.estimate import Estimate, Side, side

if TYPE_CHECKING:
    from cutis.schema.evidence import Evidence, Measured

Code = Literal[
    "at chance",
    "below chance",
    "chance unknown",
    "coverage below target",
    "coverage above target",
    "coverage unknown",
]
WARNINGS: frozenset[str] = frozenset({"at chance", "below chance", "chance unknown", "coverage below target"})
_OF_CHANCE: dict[Side, Code] = {"below": "below chance", "holds": "at chance", "unknown": "chance unknown"}
_OF_COVERAGE: dict[Side, Code] = {
    "below": "coverage below target",
    "above": "coverage above target",
    "unknown": "coverage unknown",
}
_LABELS = {"balanced_accuracy": "balanced accuracy", "auroc": "AUROC of malignant", "macro_auroc": "macro AUROC"}
COIN = 0.5  # AUROC of a score that knows nothing


class Remark(BaseModel):
    """code: see `Code`. about: the metric. words: one sentence. warns: whether it takes from what the numbers seem to
    say."""

    model_config = ConfigDict(frozen=True)
    code: Code
    about: str
    words: str

    @property
    def warns(self) -> bool:
        return self.code in WARNINGS


def remarks(evidence: Evidence) -> list[Remark]:
    """Of balanced accuracy, AUROC (of malignant, else macro) and coverage, as far as they were measured."""
    found = [_of_chance(m, chance(evidence, m)) for m in against_chance(evidence)]
    target = evidence.info.coverage
    if target is not None:
        covered = evidence.find("coverage")  # of images, which is what is promised
        found += [] if covered is None else [_of_coverage(covered, target)]
    return [one for one in found if one is not None]


def against_chance(evidence: Evidence) -> list[Measured]:
    """The numbers that are held against chance."""
    area = evidence.find("auroc", "malignant") or evidence.find("macro_auroc")
    return [m for m in (evidence.find("balanced_accuracy"), area) if m is not None]


def chance(evidence: Evidence, measured: Measured) -> float:
    """What guessing gets. Balanced accuracy: 1 over the classes that there are rows of, which always the same answer
    gets too; areas under ROC curves: 0.5."""
    if measured.metric != "balanced_accuracy":
        return COIN
    present = sum(1 for row in evidence.confusion if sum(row))
    return 1 / max(present or len(evidence.info.classes), 1)


def beside_chance(measured: Measured | Estimate, level: float) -> Side:
    """As `side`; "unknown" also where there is no value."""
    return "unknown" if measured.value is None else side(measured, level)


def _of_chance(m: Measured, level: float) -> Remark | None:
    where = beside_chance(m, level)
    if where == "above":
        return None
    percent = m.metric == "balanced_accuracy"
    label, guess = _LABELS[m.metric], f"{'guessing' if percent else 'a coin toss'} gets {_number(level, percent)}"
    if m.value is None:
        words = f"Too few images to say whether it is better than chance: {label} is not estimable ({m.reason})."
    elif where == "unknown":
        words = (
            f"Too few images to say whether it is better than chance: {label} is {_number(m.value, percent)}, {guess}; "
            f"{m.reason or 'no interval'}."
        )
    elif where == "below":
        words = f"Worse than chance: {label} is {_within(m, percent)}; {guess}."
    else:
        seen = f"{label} is {_within(m, percent)}; {guess}"
        words = f"No better than chance, as far as these images tell: {seen}."
    return Remark(code=_OF_CHANCE[where], about=m.metric, words=words)


def _of_coverage(m: Measured, target: float) -> Remark | None:
    where = beside_chance(m, target)
    if where == "holds":
        return None
    aim = _number(target, True)
    if m.value is None:
        words = (
            f"Too few images to say whether the answer sets hold the truth as often as they were made to ({m.reason})."
        )
    elif where == "unknown":
        words = (
            f"Too few images to say whether the answer sets hold the truth of {aim} of the images, as they were made "
            f"to: they do of {_number(m.value, True)}; {m.reason or 'no interval'}."
        )
    elif where == "below":
        words = (
            f"The answer sets don't keep their promise here: they hold the truth of {_within(m, True)} of the images "
            f"and were made to hold it of {aim}."
        )
    else:
        words = (
            f"The answer sets hold the truth of {_within(m, True)} of the images, more than the {aim} that they were "
            "made for: they are larger than they need be."
        )
    return Remark(code=_OF_COVERAGE[where], about=m.metric, words=words)


def _number(value: float, percent: bool) -> str:
    return f"{100 * value:.1f}\N{NO-BREAK SPACE}%" if percent else f"{value:.2f}"


def _within(m: Measured, percent: bool) -> str:
    assert m.value is not None
    assert m.low is not None
    assert m.high is not None
    times, digits = (100, 1) if percent else (1, 2)
    return f"{_number(m.value, percent)} ({times * m.low:.{digits}f}–{times * m.high:.{digits}f})"
