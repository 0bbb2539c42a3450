"""What a reader must know before any number: is it better than chance, do the sets hold what they were made to hold.

Remarks are made of the evidence alone, so they are the same on a page, on the command line and on a bundle's card.
Programs branch on `code` and `about`. Those that a reading of another system's table made ("unread": cells of ages,
sexes, tones or sites; "turned": a score of the benign class, read as 1 minus it) come with its `PredictionsInfo`.
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
    "unread",
    "turned",
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
CAUSES = (
    "Likely causes: the score is of another class than was taken (of a single score, --score-is says which); labels "
    "and scores are in different orders of classes or of rows; labels count from 1 where columns count from 0; or 0 "
    "and 1 are swapped."
)


class Remark(BaseModel):
    """code: see `Code`. about: the metric, the score's column, or "attributes". words: one sentence or more. warns:
    whether it takes from what the numbers seem to say."""

    model_config = ConfigDict(frozen=True)
    code: Code
    about: str
    words: str

    @property
    def warns(self) -> bool:
        return self.code in WARNINGS


def remarks(evidence: Evidence) -> list[Remark]:
    """Of balanced accuracy, AUROC (of malignant, else macro), classes and groups that rank upside down, and coverage,
    as far as they were measured; then those of the reading."""
    found = [_of_chance(m, chance(evidence, m), against(evidence, m)) for m in against_chance(evidence)]
    found = _with_causes([*found, *_upside_down(evidence)], evidence)
    target = evidence.info.coverage
    if target is not None:
        covered = evidence.find("coverage")  # of images, which is what is promised
        found += [] if covered is None else [_of_coverage(covered, target)]
    return [*(one for one in found if one is not None), *evidence.info.remarks]


def _is_certain(evidence: Evidence, m: Measured) -> bool:
    """Whether a number is 0 or 1 and has no interval for that alone: all resamples agree, and images are not too few.

    An AUROC has a value from 5 cases and 5 others on, of which chance ranks all right, or all wrong, 1 time in 252.
    """
    if m.value not in (0.0, 1.0) or m.low is not None:
        return False
    rates = [evidence.find("sensitivity", c.code) for c in evidence.info.classes]
    return m.metric != "balanced_accuracy" or all(r.low is not None for r in rates if r is not None and r.n)


def against(evidence: Evidence, m: Measured) -> Side:
    """Where one of `against_chance` stands beside its chance: by its interval, and without one where it is 0 or 1 of
    images enough. Where all images are of one class nothing says it, as always that answer gets all."""
    if chance(evidence, m) == 1:
        return "unknown"
    if _is_certain(evidence, m):
        return "above" if m.value == 1.0 else "below"
    return beside_chance(m, chance(evidence, m))


def _upside_down(evidence: Evidence) -> list[Remark]:
    """Classes, and groups, whose AUROC is below 0.5 though the whole's may not be; a group's with all its interval."""
    codes = [c.code for c in evidence.info.classes]
    classes = [m for code in codes if (m := evidence.find("auroc", code)) is not None and _is_below(m)]
    found = []
    if classes and (len(codes) > 2 or evidence.info.task == "multi-label"):
        some = ", ".join(f"{m.class_code} ({m.value:.2f})" for m in classes)
        found.append(f"Worse than chance: images of other classes have the higher scores of {some}.")
    main = evidence.find("auroc", "malignant") or evidence.find("macro_auroc")
    groups = []
    if main is not None:
        same = [
            m for m in evidence.measured if m.attribute and (m.metric, m.class_code) == (main.metric, main.class_code)
        ]
        groups = [m for m in same if _is_below(m) and m.n < main.n]
    if main is not None and groups:
        some = ", ".join(f"{m.attribute} {m.group} ({_within(m, False)})" for m in groups)
        found.append(f"Worse than chance in groups: {_LABELS[main.metric]} of {some}.")
    return [Remark(code="below chance", about="auroc", words=words) for words in found]


def _is_below(m: Measured) -> bool:
    return m.value == 0.0 or (m.high is not None and m.high < COIN)


def _with_causes(found: list[Remark | None], evidence: Evidence) -> list[Remark | None]:
    """What usually makes a model worse than chance, once: at the first that is, else at an AUROC that is below 0.5."""
    main = evidence.find("auroc", "malignant") or evidence.find("macro_auroc")
    low = main is not None and main.value is not None and main.value < COIN
    first = next((r for r in found if r is not None and r.code == "below chance"), None)
    first = first or next(
        (r for r in found if low and r is not None and main is not None and r.about == main.metric), None
    )
    return [r.model_copy(update={"words": f"{r.words} {CAUSES}"}) if r is not None and r is first else r for r in found]


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


def _of_chance(m: Measured, level: float, where: Side) -> Remark | None:
    if where == "above":
        return None
    percent = m.metric == "balanced_accuracy"
    label, guess = _LABELS[m.metric], f"{'guessing' if percent else 'a coin toss'} gets {_number(level, percent)}"
    if m.value is None:
        words = f"Too few images to say whether it is better than chance: {label} is not estimable ({m.reason})."
    elif where == "unknown" and level == 1:
        words = (
            f"Images of one class only don't say whether it is better than chance: {label} is "
            f"{_within(m, percent)}, and always that class's name gets {_number(level, percent)}."
        )
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
    if m.low is None or m.high is None:
        return _number(m.value, percent)
    times, digits = (100, 1) if percent else (1, 2)
    return f"{_number(m.value, percent)} ({times * m.low:.{digits}f}–{times * m.high:.{digits}f})"
