"""Whether a model is shown to be better than chance; where it isn't, that is said, with what usually causes it."""

from __future__ import annotations

from collections.abc import Sequence

from cutis.evaluate.discrimination import MALIGNANT
from cutis.schema.chance import COIN, beside
from cutis.schema.classes import ClassInfo
from cutis.schema.estimate import side
from cutis.schema.evidence import Measured
from cutis.schema.remark import Remark

CAUSES = (
    "Likely causes: the score is of another class than was taken (a single score: --score-is says which), labels and "
    "scores are in different orders of classes or of rows, labels count from 1 where columns count from 0, or 0 and 1 "
    "are swapped."
)
_WORDS = {
    "auroc": "AUROC",
    "macro_auroc": "Macro AUROC",
    "balanced_accuracy": "Balanced accuracy",
}


def chance_remarks(measured: Sequence[Measured], classes: Sequence[ClassInfo], present: int) -> list[Remark]:
    """Remarks on the whole table's numbers that are below chance, or not shown to be above it.

    AUROC of malignancy (else macro AUROC) and balanced accuracy are held against 0.5 and 1 / `present` classes by their
    intervals; where there is none, nothing is shown either way. Of the classes' own AUROCs those are named that are
    below 0.5.
    """
    of = {(m.metric, m.class_code): m for m in measured if m.attribute is None}
    main = of.get(("auroc", MALIGNANT)) or of.get(("macro_auroc", None))
    balanced = of.get(("balanced_accuracy", None))
    remarks = [] if main is None else _against(main, COIN, "0.5")
    if balanced is not None and present > 1:
        remarks += _against(balanced, 1 / present, f"1 / {present} classes")
    low = [m for c in classes if (m := of.get(("auroc", c.code))) is not None and _is_below(m, COIN)]
    if low and len(classes) > 2:
        some = ", ".join(f"{m.class_code} ({m.value:.3f})" for m in low)
        words = f"AUROC is below chance (0.5) for {some}: other images have the higher scores of these classes."
        remarks.append(Remark(code="below-chance", words=words, metric="auroc", class_code=low[0].class_code))
    low_of = {(m.metric, m.class_code) for m in of.values() if m.value is not None and m.value < COIN}
    below = next((r for r in remarks if r.code == "below-chance" or (r.metric, r.class_code) in low_of), None)
    return [r.model_copy(update={"words": f"{r.words} {CAUSES}"}) if r is below else r for r in remarks]


def below_chance(name: str, metric: str, class_code: str | None, value: float | None) -> str:
    """A sentence on one file's AUROC in a comparison; "" where it isn't below chance."""
    if metric not in ("auroc", "macro_auroc") or value is None or value >= COIN:
        return ""
    return f"{name}: {_name(metric, class_code)} is {value:.3f}, below chance (0.5). {CAUSES}"


def _against(m: Measured, chance: float, words: str) -> list[Remark]:
    """By where the interval lies; without one nothing is shown, neither that it is better nor that it isn't."""
    where = beside(m, chance)
    if where == "above":
        return []
    about = {"metric": m.metric, "class_code": m.class_code}
    name = _name(m.metric, m.class_code)
    if where == "unknown":
        seen = "not estimable" if m.value is None else f"{m.value:.3f}"
        low = ", below it" if m.value is not None and m.value < chance - 1e-9 else ""
        why = m.reason or "no interval"
        text = f"Too few images to say whether {name} is better than chance ({words}): it is {seen}{low}; {why}."
        return [Remark(code="chance-unknown", words=text, **about)]
    assert m.value is not None
    said = f"{name} is {m.estimate.format()}"
    if where == "below":
        return [Remark(code="below-chance", words=f"{said}, below chance ({words}).", **about)]
    text = f"{said}: no better than chance ({words}), as far as these images tell."
    return [Remark(code="at-chance", words=text, **about)]


def coverage_remarks(measured: Sequence[Measured], target: float | None) -> list[Remark]:
    """Whether the answer sets hold the truth as often as they were made to; [] where the interval holds the target."""
    m = next((m for m in measured if (m.metric, m.class_code, m.attribute) == ("coverage", None, None)), None)
    if target is None or m is None:
        return []
    where, aim = beside(m, target), f"{100 * target:g}\N{NO-BREAK SPACE}%"
    if where == "unknown":
        seen = "" if m.value is None else f": they do of {100 * m.value:.1f}\N{NO-BREAK SPACE}%"
        text = f"Too few images to say whether the answer sets hold the truth of {aim} of the images{seen}; {m.reason}."
        return [Remark(code="coverage-unknown", words=text, metric="coverage")]
    if where == "holds":
        return []
    assert m.value is not None
    assert m.low is not None
    assert m.high is not None
    held = f"{100 * m.value:.1f}\N{NO-BREAK SPACE}% ({100 * m.low:.1f}-{100 * m.high:.1f}) of the images"
    if where == "below":
        text = (
            f"The answer sets don't keep their promise here: they hold the truth of {held} and were made to hold it of "
            f"{aim}."
        )
        return [Remark(code="coverage-below-target", words=text, metric="coverage")]
    text = (
        f"The answer sets hold the truth of {held}, more than the {aim} that they were made for: they are larger than "
        "they need be."
    )
    return [Remark(code="coverage-above-target", words=text, metric="coverage")]


def _name(metric: str, class_code: str | None) -> str:
    return _WORDS[metric] + (f" of {class_code}" if class_code else "")


def _is_below(m: Measured, chance: float) -> bool:
    assert m.value is not None
    return side(m, chance) == "below"
