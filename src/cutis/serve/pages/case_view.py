"""What the case's page is filled with, all of it already what this reader may know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cutis.errors import CutisError
from cutis.serve import cases
from cutis.serve.clinical import checklists
from cutis.serve.clinical.history import SYMPTOMS
from cutis.serve.clinical.red_flags import red_flags
from cutis.serve.clinical.triage import overrides
from cutis.serve.kinds import Who
from cutis.serve.pages import telling
from cutis.serve.reports.outlined import takes_outline
from cutis.serve.store.tables import Case
from cutis.serve.words import Words
from cutis.serve.workbench import Workbench

SURE = {"1": 10, "2": 30, "3": 50, "4": 70, "5": 90}  # five steps of sureness, in percent


def shown(bench: Workbench, who: Who, case: Case, before: Sequence[Case]) -> dict[str, Any]:
    """The case for `who`. before: the lesion's earlier visits."""
    words, seen = bench.words, cases.view(case, who, bench)
    outlined = {photo.id for photo in case.photographs if takes_outline(photo)}
    revealed = not seen.hidden
    bundle = bench.models.first
    return {
        "id": seen.id,
        "person": telling.person(words, seen.age, seen.sex, seen.id),
        "site": words.site(seen.site),
        "state": seen.state,
        "received": seen.received_at,
        "patient": seen.patient[:10] if seen.patient else None,
        "visit": seen.visit_day,
        "reasons": telling.reasons(words, seen.reasons),
        "flags": _flags(words, seen),
        "revealed": revealed,
        "history": _history(words, seen.symptoms),
        "note": seen.note,
        "photographs": [_photograph(bench, p, revealed, p.id in outlined) for p in seen.photographs],
        "said": _said(bench, seen) if revealed else [],
        "earlier": [_earlier(words, one) for one in before for _ in one.photographs[:1]],
        "similar": revealed and bench.similar is not None,
        "readings": [_reading(words, seen, one) for one in seen.readings],
        "in_set": seen.set or [],
        "classes": [{"code": c.code, "name": words.class_name(c.name)} for c in bundle.classes],
        "filled": _filled(seen, who, {c.code for c in bundle.classes}),
        "management": list(words.under("management").values()),
        "checklists": checklists.definitions(words),
    }


def _flags(words: Words, seen: cases.CaseView) -> list[str]:
    codes = red_flags(seen.symptoms)
    lines = [words.t(f"red_flags.{code}") for code in codes]
    if not seen.hidden and overrides(seen.reasons):
        lines.append(words.t("red_flags.override"))
    return lines


def _history(words: Words, told: dict[str, bool]) -> list[tuple[str, str]]:
    said = {True: words.t("history.yes"), False: words.t("history.no")}
    rows = []
    for answer in (True, False):
        there = [words.t(f"symptom.{name}") for name in SYMPTOMS if told.get(name) is answer]
        if there:
            rows.append((said[answer], ", ".join(there)))
    return rows


def _photograph(bench: Workbench, photo: cases.PhotographView, revealed: bool, outlined: bool) -> dict[str, Any]:
    """outlined: whether an outline can go out as DICOM."""
    words = bench.words
    answered = any(a.status == "ok" for a in photo.answers or ())
    return {
        "id": photo.id,
        "label": telling.label(words, photo),
        "src": f"/api/photographs/{photo.id}/image",
        "thumbnail": f"/photographs/{photo.id}/thumbnail",
        "saliency": f"/api/photographs/{photo.id}/saliency" if revealed and answered else "",
        "seg": f"/api/photographs/{photo.id}/seg.dcm" if outlined else "",
        "width": photo.width,
        "height": photo.height,
        "mm": photo.mm_per_pixel,
        "quality": telling.quality(words, photo.quality),
        "tone": telling.tone(words, photo.tone),
    }


def _said(bench: Workbench, seen: cases.CaseView) -> list[dict[str, Any]]:
    """The last answer to each photograph, those that answer first."""
    found = []
    for photo in seen.photographs:
        for said in (photo.answers or [])[-1:]:
            told = telling.answer(bench.words, said, bench.models.by_digest.get(said.bundle), photo.kind)
            found.append({**told, "label": telling.label(bench.words, photo)})
    found.sort(key=lambda one: one["status"] != "ok")
    said_before: list[list[str]] = []
    for one in found:  # what is the same of every photograph is said once
        again = one["basis"] in said_before
        said_before.append(one["basis"])
        if again:
            one |= {"basis": [], "doubts": []}
    return found


def _earlier(words: Words, case: Case) -> dict[str, Any]:
    photo = max(case.photographs, key=lambda p: p.kind == "dermoscopy")
    when = words.t("time.visit_day", n=case.visit_day) if case.visit_day is not None else words.day(case.received_at)
    return {
        "src": f"/api/photographs/{photo.id}/image",
        "width": photo.width,
        "height": photo.height,
        "mm": photo.mm_per_pixel,
        "label": f"{words.t(f'kind.{photo.kind}').capitalize()}, {when}",
    }


def _reading(words: Words, seen: cases.CaseView, one: cases.ReadingView) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "name": one.reader,
        "at": one.created_at,
        "diagnosis": words.class_name(seen.names[one.diagnosis]) if one.diagnosis in seen.names else one.diagnosis,
        "confidence": sureness(one.confidence),
        "management": one.management,
        "override": one.override,
        "scores": scores(words, one.checklists),
    }


def sureness(percent: int | None) -> int | None:
    """The nearest of the five steps."""
    return None if percent is None else min(5, max(1, 1 + percent // 20))


def scores(words: Words, filled: dict[str, Any]) -> list[str]:
    """A line for each checklist of a reading."""
    try:
        return [f"{words.t(f'checklist.{one.name}.title')}: {one.words}" for one in checklists.score_all(filled, words)]
    except CutisError as error:  # sent to the API by another program
        return [str(error)]


def _filled(seen: cases.CaseView, who: Who, codes: set[str]) -> dict[str, Any]:
    """The form starts from this reader's own last reading: after a blind one, nothing is typed twice."""
    own = [one for one in seen.readings if one.reader == who.name]
    if not own:
        return {"diagnosis": None, "own": "", "confidence": None, "management": ""}
    last = own[-1]
    return {
        "diagnosis": last.diagnosis if last.diagnosis in codes else None,
        "own": "" if last.diagnosis in codes else last.diagnosis,
        "confidence": sureness(last.confidence),
        "management": last.management,
    }
