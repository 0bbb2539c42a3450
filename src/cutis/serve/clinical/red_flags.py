"""Red flags of the history: rules as data. They raise a case and never lower one, whatever a model answers.

Each is the words `reason.<code>` (short) and `red_flags.<code>` (a sentence).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cutis.serve.clinical.history import CHANGES, present


@dataclass(frozen=True)
class RedFlag:
    """Raised where of each group in `needs` at least one symptom is present."""

    needs: tuple[frozenset[str], ...]
    source: str


def _flag(source: str, *needs: str | frozenset[str]) -> RedFlag:
    return RedFlag(tuple(frozenset({need}) if isinstance(need, str) else need for need in needs), source)


_EVOLVING = "ABCDE: evolving (Abbasi et al., JAMA 292, 2004)"
_GROWING = frozenset({"new", "grew", "rapid_change"})

RED_FLAGS: dict[str, RedFlag] = {
    "nodule": _flag("EFG rule (Kelly, Chamberlain & McColl, Aust Fam Physician 32, 2003)", "raised", "firm", _GROWING),
    "rapid_change": _flag(_EVOLVING, "rapid_change"),
    "large_and_changing": _flag(f"{_EVOLVING} and diameter over 6 mm", "over_6_mm", CHANGES),
    "bleeding": _flag(_EVOLVING, "bleeding"),
    "ulcer": _flag("NHS: a sore that hasn't healed after four weeks", "ulcer"),
    "nail_change": _flag("NICE CKS: new pigmented lines of a nail", "nail_band", CHANGES | {"new"}),
    "immunosuppressed_growth": _flag(
        "squamous cell carcinoma under immunosuppression (Keohane et al., Br J Dermatol 184, 2021)",
        "immunosuppressed",
        _GROWING,
    ),
}


def red_flags(symptoms: Mapping[str, bool]) -> list[str]:
    """Codes of the flags that the history raises, in the order of `RED_FLAGS`; one more symptom takes none away."""
    there = present(symptoms)
    return [code for code, flag in RED_FLAGS.items() if all(group & there for group in flag.needs)]
