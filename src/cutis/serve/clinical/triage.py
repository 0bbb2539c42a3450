"""In which order cases wait, and why: reasons by code, each of a level. Nothing lowers a case.

Levels: 4 urgent, 3 soon, 2 review, 1 note, 0 routine. A priority is ten times the highest level, plus one for each
further reason, so more reasons are sooner within a level. Words: `reason.<code>`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from cutis.schema.classes import ClassInfo
from cutis.serve.clinical.history import CHANGES, present
from cutis.serve.clinical.red_flags import RED_FLAGS, red_flags


class Answered(Protocol):
    """A bundle's answer to one photograph: `Said`, or a row of the store."""

    @property
    def status(self) -> str: ...
    @property
    def predicted(self) -> str | None: ...
    @property
    def answer_set(self) -> Sequence[str] | None: ...


URGENT, SOON, REVIEW, NOTE = 4, 3, 2, 1
# Code -> level, the gravest first.
REASONS: dict[str, int] = {
    **dict.fromkeys(RED_FLAGS, URGENT),
    "only_malignant": URGENT,
    "malignant_first": SOON,
    "malignant_possible": REVIEW,
    "refused": REVIEW,
    "unreadable": REVIEW,
    "change": REVIEW,
    "melanoma_before": REVIEW,
    "new_spot": NOTE,
    "large": NOTE,
    "symptom": NOTE,
    "worried": NOTE,
    "melanoma_family": NOTE,
    "immunosuppressed": NOTE,
}
MALIGNANT = ("only_malignant", "malignant_first", "malignant_possible")  # the first that fits, of all photographs
_TOLD = {
    "change": CHANGES,
    "melanoma_before": frozenset({"melanoma_before"}),
    "new_spot": frozenset({"new"}),
    "large": frozenset({"over_6_mm"}),
    "symptom": frozenset({"oozing", "inflamed", "itch", "pain"}),
    "worried": frozenset({"worries"}),
    "melanoma_family": frozenset({"melanoma_family"}),
    "immunosuppressed": frozenset({"immunosuppressed"}),
}
HISTORY = tuple(code for code in REASONS if code in _TOLD or code in RED_FLAGS)  # those that no model has a part in


def triage(
    symptoms: Mapping[str, bool], said: Sequence[Answered], classes: Sequence[ClassInfo]
) -> tuple[int, list[str]]:
    """Priority, 0..49, and the codes of `REASONS` for it, gravest first.

    symptoms: name of `SYMPTOMS` -> yes or no. said: of one bundle, of each photograph; classes: that bundle's. A class
    that counts neither as benign nor as malignant is taken for one that may be malignant. What a model says never takes
    away what the history says.
    """
    there = present(symptoms)
    found = {*red_flags(symptoms), *(code for code, any_of in _TOLD.items() if any_of & there)}
    benign = {c.code for c in classes if c.malignant is False}
    answers = {_answered(one, benign) for one in said}
    found |= {code for code in answers if code and code not in MALIGNANT}
    found |= set([code for code in MALIGNANT if code in answers][:1])
    reasons = [code for code in REASONS if code in found]
    return priority(reasons), reasons


def priority(reasons: Iterable[str]) -> int:
    """Ten times the highest level of these codes, plus how many others there are, 9 at most."""
    levels = [REASONS[code] for code in set(reasons)]
    return 10 * max(levels) + min(len(levels) - 1, 9) if levels else 0


def overrides(reasons: Iterable[str]) -> bool:
    """Whether red flags raise a case whose model's answers hold nothing malignant: it needs review nonetheless."""
    found = set(reasons)
    return not found.isdisjoint(RED_FLAGS) and found.isdisjoint(MALIGNANT)


def listed(said: Answered) -> Sequence[str]:
    """The classes that an answer is shown as: its set; of a bundle that gives none, the most probable one."""
    return said.answer_set if said.answer_set is not None else [said.predicted] if said.predicted else []


def _answered(said: Answered, benign: set[str]) -> str | None:
    """The reason that one answer gives, if any."""
    if said.status != "ok":
        return "unreadable" if said.status == "error" else "refused"
    codes = listed(said)
    grave = [code for code in codes if code not in benign]
    if not grave:
        return None
    if said.answer_set is not None and len(grave) == len(codes):
        return "only_malignant"
    return "malignant_first" if said.predicted in grave else "malignant_possible"
