"""Reading a case: blind first where the server asks for it, then signed. Nothing read is ever changed.

waiting --blind--> read --signed--> signed --signed, with the reason--> signed (a correction, beside the first)
waiting ----------signed---------> signed   (where the model's answer is shown from the start)
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from cutis.serve import trail
from cutis.serve.cases.blind import hidden
from cutis.serve.cases.finding import find
from cutis.serve.cases.forms import ReadingForm
from cutis.serve.clinical.checklists import score_all
from cutis.serve.inference.models import Models
from cutis.serve.kinds import Refused, Who
from cutis.serve.settings import Settings
from cutis.serve.store.tables import Account, Case, Reading, new_id
from cutis.serve.words import Words
from cutis.serve.workbench import Workbench


def ask_set(case: Case) -> list[str] | None:
    """The case's answer: every class that the model's sets of its photographs hold, in the order of their likelihood;
    None where it refused them all."""
    codes: dict[str, None] = {}
    given = False
    for photograph in case.photographs:
        for answer in photograph.answers[-1:]:
            if answer.status == "ok" and answer.answer_set is not None:
                given = True
                codes |= dict.fromkeys(answer.answer_set)
    return list(codes) if given else None


def named(case: Case, models: Models) -> dict[str, str]:
    """Class code -> name, of the bundles that answered this case and are still served."""
    used = {answer.bundle for photograph in case.photographs for answer in photograph.answers}
    return {
        c.code: c.name for digest in sorted(used & models.by_digest.keys()) for c in models.by_digest[digest].classes
    }


def commit(session: Session, bench: Workbench, who: Who, case: Case, form: ReadingForm) -> Reading:
    """Add a reading, move the case on, and write the trail.

    Raises Refused: 409 for a reading out of turn, 422 for a lacking override; CutisError for a checklist that can't be
    scored. `case` is brought up to date first.
    """
    score_all(form.checklists, bench.words)
    locked = select(Case.id).where(Case.id == case.id).with_for_update()
    session.execute(locked)  # two who sign at once come one after the other
    session.expire(case)
    case = find(session, who, case.id)
    blind = form.kind == "blind"
    _in_turn(case, who, bench.settings, blind)
    names = named(case, bench.models)
    diagnosis = _code(form.diagnosis, names, bench.words)
    answer = ask_set(case)
    outside = answer is not None and diagnosis not in answer
    if not blind and not form.override:
        if case.state == "signed":
            raise Refused(422, "override: this case is signed. Say why it is corrected.")
        if outside:
            inside = ", ".join(names.get(code, code) for code in answer or ()) or "nothing"
            raise Refused(
                422, f"override: {names.get(diagnosis, diagnosis)} is not in the model's list ({inside}). Say why."
            )
    reading = Reading(
        case=case,
        account=session.get_one(Account, who.account_id),
        kind=form.kind,
        diagnosis=diagnosis,
        confidence=form.confidence,
        management=form.management,
        override="" if blind else form.override,
        checklists=form.checklists,
    )
    case.state = "read" if blind else "signed"
    session.add(reading)
    session.flush()
    trail.append(session, who.name, f"reading.{form.kind}", case.id, _content(reading, case, answer))
    return reading


def _in_turn(case: Case, who: Who, settings: Settings, blind: bool) -> None:
    if not blind:
        if hidden(case, who, settings):
            raise Refused(409, "This server asks for a blind reading first. Commit one, then sign.")
        return
    if not settings.blind:
        raise Refused(409, "The model's answer is shown here from the start, so no reading is blind. Sign instead.")
    if case.state == "signed":
        raise Refused(409, "This case is signed, and its answer was shown. No reading of it is blind any more.")
    if any(r.account_id == who.account_id for r in case.readings):
        raise Refused(409, "You have read this case already, and the answer was shown. Sign it now.")


def _code(diagnosis: str, names: dict[str, str], words: Words) -> str:
    """The code of a class that was given by its code or name, as the bundle or the pages have it, in any case; else the
    reader's own words."""
    folded = {word.casefold(): code for code, name in names.items() for word in (words.class_name(name), name, code)}
    return folded.get(diagnosis.casefold(), diagnosis)


def _content(reading: Reading, case: Case, answer: list[str] | None) -> dict[str, object]:
    return {
        **trail.of_reading(reading),
        "set": answer,
        "bundles": sorted({a.bundle for p in case.photographs for a in p.answers}),
        "pictures": [p.digest for p in case.photographs],
        "salt": new_id(),  # else its seal could be guessed from, by who may not read this yet
    }
