"""What pictures say of their case by themselves: a DICOM header's facts, a file name's words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from cutis.serve.kinds import Refused, Taken

_IDENTITY = ("patient", "lesion")
_FACTS = ("visit_day", "age", "sex", "site")
_WORDS = (
    ("dermoscopy", re.compile("derm(o|at)|polari[sz]", re.IGNORECASE)),
    ("overview", re.compile("overview|regional|wide", re.IGNORECASE)),
)


def header_facts(taken: Sequence[Taken]) -> dict[str, Any]:
    """What the headers of a case's DICOM files say of it, as fields of a `CaseForm`; none where there is none.

    What two files say differently is left unknown. Raises Refused 422 if they are of several patients or lesions.
    """
    facts = [t.dicom["case"] for t in taken if t.dicom is not None]
    said: dict[str, Any] = {}
    for field in (*_IDENTITY, *_FACTS):
        values = {fact[field] for fact in facts if fact[field] is not None}
        if len(values) > 1 and field in _IDENTITY:
            raise Refused(422, f"These pictures are of several {field}s. Send those of each as a case of its own.")
        if len(values) == 1:
            said[field] = values.pop()
    return said


def kind_of(taken: Taken, name: str = "") -> str:
    """The kind of a picture by its DICOM class, else by the words of its file's name; a close-up if neither tells."""
    if taken.dicom is not None:
        return str(taken.dicom["case"]["kind"])
    return next((kind for kind, words in _WORDS if words.search(name)), "close-up")
