"""Whether a model is shown to be better than chance; where it isn't, that is said, with what usually causes it."""

from __future__ import annotations

from collections.abc import Sequence

from cutis.evaluate.discrimination import MALIGNANT
from cutis.schema.classes import ClassInfo
from cutis.schema.evidence import Measured
from cutis.schema.remark import Remark

COIN = 0.5  # AUROC of scores that know nothing
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
    intervals, or by their values where there is none. Of the classes' own AUROCs, and of groups', those are named that
    are below 0.5 (a group's by its interval). present: 0 where an image may have several labels.
    """
    of = {(m.metric, m.class_code): m for m in measured if m.attribute is None and m.value is not None}
    main = of.get(("auroc", MALIGNANT)) or of.get(("macro_auroc", None))
    balanced = of.get(("balanced_accuracy", None))
    remarks = [] if main is None else _against(main, COIN, "0.5")
    if balanced is not None and present > 1:
        remarks += _against(balanced, 1 / present, f"1 / {present} classes")
    low = [m for c in classes if (m := of.get(("auroc", c.code))) is not None and _is_below(m, COIN)]
    if low and (len(classes) > 2 or not present):
        some = ", ".join(f"{m.class_code} ({m.value:.3f})" for m in low)
        words = f"AUROC is below chance (0.5) for {some}: other images have the higher scores of these classes."
        remarks.append(Remark(code="below-chance", words=words, metric="auroc", class_code=low[0].class_code))
    groups = [m for m in measured if m.attribute and (m.metric, m.class_code) == _key(main) and m.high is not None]
    lower = [m for m in groups if _is_below(m, COIN) and main is not None and m.n < main.n]
    if main is not None and lower:
        some = ", ".join(f"{m.attribute} {m.group} ({m.value:.3f})" for m in lower)
        words = f"{_name(main.metric, main.class_code)} is below chance (0.5) in the groups {some}."
        remarks.append(Remark(code="below-chance", words=words, metric=main.metric, class_code=main.class_code))
    low_of = {(m.metric, m.class_code) for m in of.values() if m.value is not None and m.value < COIN}
    below = next((r for r in remarks if r.code == "below-chance" or (r.metric, r.class_code) in low_of), None)
    return [r.model_copy(update={"words": f"{r.words} {CAUSES}"}) if r is below else r for r in remarks]


def below_chance(name: str, metric: str, class_code: str | None, value: float | None) -> str:
    """A sentence on one file's AUROC in a comparison; "" where it isn't below chance."""
    if metric not in ("auroc", "macro_auroc") or value is None or value >= COIN:
        return ""
    return f"{name}: {_name(metric, class_code)} is {value:.3f}, below chance (0.5). {CAUSES}"


def _against(m: Measured, chance: float, words: str) -> list[Remark]:
    assert m.value is not None
    said = f"{_name(m.metric, m.class_code)} is {m.estimate.format()}"
    if _is_below(m, chance):
        text = f"{said}, below chance ({words})."
        return [Remark(code="below-chance", words=text, metric=m.metric, class_code=m.class_code)]
    if m.value > chance + 1e-9 and (m.low is None or m.low > chance):
        return []
    text = f"{said}: no better than chance ({words}), as far as these images tell."
    return [Remark(code="at-chance", words=text, metric=m.metric, class_code=m.class_code)]


def _key(m: Measured | None) -> tuple[str, str | None]:
    return ("", None) if m is None else (m.metric, m.class_code)


def _name(metric: str, class_code: str | None) -> str:
    return _WORDS[metric] + (f" of {class_code}" if class_code else "")


def _is_below(m: Measured, chance: float) -> bool:
    return m.value is not None and m.value < chance - 1e-9 and (m.high is None or m.high < chance)
