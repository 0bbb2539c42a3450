"""A case from what was uploaded: looked at, answered, kept, put in the queue, and written into the trail at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from cutis.errors import nearest
from cutis.serve import trail
from cutis.serve.cases.facts import header_facts
from cutis.serve.cases.forms import MOST_DAYS, CaseForm, checked
from cutis.serve.clinical.triage import triage
from cutis.serve.inference.journal import prediction
from cutis.serve.kinds import Refused, Said, Taken, Who
from cutis.serve.store.tables import PICTURES, Answer, Case, Photograph, new_id, now
from cutis.serve.trail import Item
from cutis.serve.workbench import Workbench

MOST = 12  # photographs of one case
AndThen = Callable[[Session, Who, Case], None]


async def receive(
    bench: Workbench,
    who: Who,
    form: CaseForm,
    uploads: Sequence[tuple[str, bytes]],
    and_then: AndThen | None = None,
) -> Case:
    """Open a case from the bytes of its files, each with its kind (of `PICTURES`); all of them or none.

    and_then: what else is written in the same transaction.

    Raises Refused: 422 and what intake and models refuse with, 507 for a full disk.
    """
    check_kinds([kind for kind, _ in uploads])
    taken = await asyncio.gather(*(bench.intake.take(data, keep=True, whose=who.name) for _, data in uploads))
    form = _with_headers(form, taken)
    looked = [(kind, t) for (kind, _), t in zip(uploads, taken, strict=True)]
    return await answer_and_open(bench, who, form, looked, and_then=and_then)


async def answer_and_open(
    bench: Workbench,
    who: Who,
    form: CaseForm,
    looked: Sequence[tuple[str, Taken]],
    case_id: str | None = None,
    and_then: AndThen | None = None,
) -> Case:
    """`receive` for pictures that are taken already, each with its kind. case_id: else a new one."""
    digest = bench.models.bundle(form.bundle).digest
    taken = [t for _, t in looked]
    said = await asyncio.gather(*(bench.models.answer(t.seen[digest], digest) for t in taken))

    def keep() -> Case:
        keep_pictures(bench, taken)
        with bench.store.begin() as session:
            case = open_case(session, bench, who, form, looked, said, case_id)
            if and_then is not None:
                and_then(session, who, case)
            return case

    return await run_in_threadpool(keep)


def _with_headers(form: CaseForm, taken: Sequence[Taken]) -> CaseForm:
    """The form, with what it leaves open from the headers of DICOM files. Raises Refused 422 for two patients."""
    told = form.model_dump(exclude_none=True)
    said = header_facts(taken)
    if "patient" in told and said.get("patient", told["patient"]) != told["patient"]:
        raise Refused(422, "patient: the DICOM file is of another one. Leave the field empty to take the file's.")
    return checked(CaseForm, said | told)


def check_kinds(kinds: Sequence[str]) -> None:
    """Raises Refused 422 for no picture, too many, or a kind that there is not."""
    if not kinds:
        raise Refused(422, "pictures: a case needs at least one. Add an overview, a close-up or a dermoscopy picture.")
    if len(kinds) > MOST:
        raise Refused(
            422, f"pictures: {len(kinds)} of them; a case holds {MOST} at most. Open another case for the rest."
        )
    for kind in kinds:
        if kind not in PICTURES:
            raise Refused(422, f'kind "{kind[:40]}": {nearest(kind, PICTURES)}')


def keep_pictures(bench: Workbench, taken: Sequence[Taken]) -> None:
    """Put the files on the disk before the transaction that names them, so that no writer waits for it."""
    for picture in taken:
        bench.pictures.put(picture.data)
        if picture.original is not None:
            bench.pictures.put(picture.original)


def open_case(
    session: Session,
    bench: Workbench,
    who: Who,
    form: CaseForm,
    taken: Sequence[tuple[str, Taken]],
    said: Sequence[Said],
    case_id: str | None = None,
) -> Case:
    """Add a case within the caller's transaction. taken: (kind, picture), each with its answer in `said`.

    A photograph of a DICOM file has the digest of the de-identified DICOM file as `dicom["file"]`.
    """
    check_kinds([kind for kind, _ in taken])
    case = Case(
        id=case_id or new_id(),
        team=who.team,
        opened_by=who.account_id,
        received_at=now(),
        state="waiting",
        visit_day=form.visit_day,
        readings=[],
        **form.model_dump(include={"patient", "lesion", "age", "sex", "site", "symptoms", "note"}),
    )
    if case.visit_day is None and case.patient is not None:
        case.visit_day = _day(session, case)
    case.photographs = [
        _photograph(bench, place, kind, picture, answer)
        for place, ((kind, picture), answer) in enumerate(zip(taken, said, strict=True))
    ]
    classes = bench.models.bundle(form.bundle).classes
    case.priority, case.reasons = triage(case.symptoms, said, classes)
    case.history_priority, case.history_reasons = triage(case.symptoms, [], classes)
    session.add(case)
    session.flush()
    trail.append_all(session, _items(bench, who, case, said))
    return case


def _photograph(bench: Workbench, place: int, kind: str, picture: Taken, said: Said) -> Photograph:
    dicom = picture.dicom
    if picture.original is not None:
        dicom = {**(dicom or {}), "file": bench.pictures.put(picture.original)}
    return Photograph(
        id=new_id(),
        place=place,
        kind=kind,
        digest=bench.pictures.put(picture.data),
        media_type=picture.media_type,
        width=picture.width,
        height=picture.height,
        mm_per_pixel=picture.mm_per_pixel,
        quality=picture.quality,
        tone=picture.tone,
        dicom=dicom,
        answers=[
            Answer(
                bundle=said.bundle,
                created_at=now(),
                status=said.status,
                reason=said.reason,
                predicted=said.predicted,
                answer_set=said.answer_set,
                probabilities=said.probabilities,
                ood=said.ood,
            )
        ],
    )


def _day(session: Session, case: Case) -> int:
    """Days since the patient's first visit, from the patient's earliest case here; 0 for the first."""
    first = session.execute(
        select(Case.received_at, Case.visit_day)
        .where(Case.team == case.team, Case.patient == case.patient, Case.visit_day.is_not(None))
        .order_by(Case.received_at, Case.id)
        .limit(1)
    ).first()
    return 0 if first is None else min(first.visit_day + max((case.received_at - first.received_at).days, 0), MOST_DAYS)


def _items(bench: Workbench, who: Who, case: Case, said: Sequence[Said]) -> list[Item]:
    # salt: else its seal could be guessed from, by who may not read this yet
    salt = new_id()
    pictures = [trail.of_photograph(photograph, salt) for photograph in case.photographs]
    items = [Item(who.name, "case.opened", case.id, trail.of_case(case, salt) | {"pictures": pictures, "salt": salt})]
    for photograph, told in zip(case.photographs, said, strict=True):
        noted = prediction(bench.models.bundle(told.bundle), told, who.name, photograph.digest)
        kept = trail.of_answer(photograph.answers[-1])
        more = {"photograph": photograph.id, "salt": new_id()}
        items.append(Item(noted.actor, noted.action, case.id, noted.content | kept | more))
    return items
