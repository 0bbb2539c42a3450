"""The Observations of a report: what the history, the models, the pictures and the readers say, one each."""

from __future__ import annotations

from typing import Any

from cutis.schema.classes import ClassInfo
from cutis.serve.clinical.checklists import score_all
from cutis.serve.clinical.red_flags import red_flags as raised
from cutis.serve.clinical.refusal import refusals
from cutis.serve.reports.codes import HL7, LOINC, coding, concept, diagnosis, own, quantity
from cutis.serve.reports.material import Material
from cutis.serve.store.tables import Answer, Case, Photograph, Reading
from cutis.serve.words import Words

Parts = dict[str, Any]
# Status of a prediction without an answer -> why there is no value (HL7's data-absent-reason).
_ABSENT = {"refused": ("not-performed", "Not Performed"), "error": ("error", "Error")}


def age(case: Case) -> Parts | None:
    """In years, at most 85, which stands for all above."""
    if case.age is None:
        return None
    code = concept("Age", coding(LOINC, "30525-0", "Age"))
    return {"status": "final", "code": code, "valueQuantity": quantity(case.age, "years", "a")}


def history(case: Case, words: Words) -> Parts | None:
    """What was asked, with yes or no."""
    if not case.symptoms:
        return None
    asked = [
        {"code": own(f"symptom-{name}", words.t(f"symptom.{name}")), "valueBoolean": bool(there)}
        for name, there in case.symptoms.items()
    ]
    return {"status": "final", "code": own("history", words.t("history.title")), "component": asked}


def red_flags(case: Case, words: Words) -> Parts | None:
    flags = [
        {"code": own(f"red-flag-{code}", words.t(f"red_flags.{code}")), "valueBoolean": True}
        for code in raised(case.symptoms)
    ]
    return (
        {"status": "final", "code": own("red-flags", words.t("red_flags.title")), "component": flags} if flags else None
    )


def answer(said: Answer, m: Material, kind: str) -> Parts:
    """A bundle's answer to a photograph of that kind: the members of the set, every probability, and what the set
    promises; or why there is none."""
    classes, words = m.classes(said.bundle), m.words
    made: Parts = {
        "status": "preliminary",
        "category": [concept("Imaging", coding(f"{HL7}/observation-category", "imaging", "Imaging"))],
        "code": own("answer-set", words.t("report.model")),
        "issued": said.created_at.isoformat(timespec="milliseconds"),
    }
    if said.status in _ABSENT:
        return made | {
            "dataAbsentReason": concept(
                " ".join(why.whole for why in refusals(said.status, said.reason, words)),
                coding(f"{HL7}/data-absent-reason", *_ABSENT[said.status]),
            ),
            "note": [{"text": words.t("refusal.words")}, {"text": words.safety.whole}],
        }
    members = [
        {
            "code": own("answer-set-member", words.t("answer.title")),
            "valueCodeableConcept": _class(code, classes, words),
        }
        for code in said.answer_set or ()
    ]
    each = [
        {"code": _probability(code, classes, words), "valueQuantity": quantity(p, "1", "1")}
        for code, p in (said.probabilities or {}).items()
    ]
    return made | {
        "component": members + each,
        "note": [{"text": m.promise(said.bundle, kind).whole}, {"text": words.safety.whole}],
    }


def tone(photograph: Photograph, words: Words) -> Parts | None:
    """ITA with its interval: of the photograph, not the patient's skin type."""
    found = photograph.tone
    if found.get("ita") is None:
        return None
    ends = [
        {
            "code": own(f"ita-{end}", f"ITA, {end} end of its 95 % interval"),
            "valueQuantity": quantity(value, "deg", "deg"),
        }
        for end in ("low", "high")
        if (value := found.get(end)) is not None
    ]
    made: Parts = {
        "status": "preliminary",
        "code": own("ita", words.t("tone.title")),
        "valueQuantity": quantity(found["ita"], "deg", "deg"),
        "method": concept(words.t("tone.method", method=found.get("method", ""))),
        "note": [{"text": words.t("tone.estimated")}],
    }
    return made | ({"component": ends} if ends else {})


def reading(one: Reading, m: Material) -> Parts:
    """What a reader committed: the diagnosis; how sure, what to do and why it isn't in the model's list beside it."""
    words = m.words
    more: list[Parts] = []
    if one.confidence is not None:
        more.append(
            {
                "code": own("confidence", words.t("report.confidence")),
                "valueQuantity": quantity(one.confidence, "%", "%"),
            }
        )
    for name, text in (("management", one.management), ("override", one.override)):
        if text:
            more.append({"code": own(name, words.t(f"report.{name}")), "valueString": text})
    made: Parts = {
        "status": _status(one),
        "code": own(f"reading-{one.kind}", words.t(f"reading.{one.kind}")),
        "issued": one.created_at.isoformat(timespec="milliseconds"),
        "valueCodeableConcept": diagnosis(m.named(one.diagnosis), class_of(one.diagnosis, m)),
    }
    return made | ({"component": more} if more else {})


def checklists(one: Reading, words: Words) -> list[Parts]:
    """One each list that the reader filled in; without a value while what is missing could change it."""
    made = []
    for scored in score_all(one.checklists, words):
        found: Parts = {
            "status": _status(one),
            "code": own(f"checklist-{scored.name}", words.t(f"checklist.{scored.name}.title")),
            "issued": one.created_at.isoformat(timespec="milliseconds"),
            "note": [{"text": scored.words}],
        }
        if scored.missing:
            found["dataAbsentReason"] = concept(
                words.t("checklist.not_filled"), coding(f"{HL7}/data-absent-reason", "not-asked", "Not Asked")
            )
        else:
            found["valueQuantity"] = quantity(scored.total, "points", "{score}")
        if scored.verdict is not None:
            found["interpretation"] = [
                own(f"{scored.name}-{scored.verdict}", words.t(f"checklist.{scored.name}.band.{scored.verdict}"))
            ]
        made.append(found)
    return made


def class_of(diagnosis: str, m: Material) -> ClassInfo | None:
    """The class that a reading's diagnosis is the code of, in a bundle that answered; None for a reader's own words."""
    return next((of[diagnosis] for d in m.digests if diagnosis in (of := m.classes(d))), None)


def _status(one: Reading) -> str:
    return "final" if one.kind == "signed" else "preliminary"


def _class(code: str, classes: dict[str, ClassInfo], words: Words) -> Parts:
    info = classes.get(code)
    return diagnosis(words.class_name(info.name) if info else code, info)


def _probability(code: str, classes: dict[str, ClassInfo], words: Words) -> Parts:
    name = words.class_name(classes[code].name) if code in classes else code
    return own(f"probability-{code}", f"{words.t('answer.probability')}: {name}")
