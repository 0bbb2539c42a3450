"""The counterfactual audit: the same lesions with one thing changed, and what becomes of the answers."""

from __future__ import annotations

from cutis.audit.counterfactual.answers import Answers, Model
from cutis.audit.counterfactual.changes import ARTEFACTS, TONES, Change
from cutis.audit.counterfactual.effects import effects
from cutis.audit.counterfactual.on_phantom import answers_on_phantom
from cutis.audit.counterfactual.on_photographs import answers_on_photographs
from cutis.audit.counterfactual.run import Counterfactual, counterfactual
from cutis.audit.counterfactual.verdicts import Tolerance, Verdict, judge

__all__ = [
    "ARTEFACTS",
    "TONES",
    "Answers",
    "Change",
    "Counterfactual",
    "Model",
    "Tolerance",
    "Verdict",
    "answers_on_phantom",
    "answers_on_photographs",
    "counterfactual",
    "effects",
    "judge",
]
