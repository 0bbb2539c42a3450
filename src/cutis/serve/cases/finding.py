"""Finding a case, a photograph, a lesion's earlier visits: of one's own team, or not at all."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from cutis.serve.kinds import Refused, Who
from cutis.serve.store.tables import Case, Photograph, Reading

_WHOLE = (
    selectinload(Case.photographs).selectinload(Photograph.answers),
    selectinload(Case.readings).joinedload(Reading.account),
)


def find(session: Session, who: Who, case_id: str) -> Case:
    """The case with its photographs, answers and readings. Raises Refused 404 if the team of `who` has none such."""
    case = session.scalar(select(Case).where(Case.id == case_id, Case.team == who.team).options(*_WHOLE))
    if case is None:
        raise Refused(404, "No such case.")
    return case


def photograph(session: Session, who: Who, photograph_id: str) -> Photograph:
    """One photograph with its case and answers. Raises Refused 404 if the team of `who` has none such."""
    found = session.scalar(
        select(Photograph)
        .join(Photograph.case)
        .where(Photograph.id == photograph_id, Case.team == who.team)
        .options(joinedload(Photograph.case).selectinload(Case.readings), selectinload(Photograph.answers))
    )
    if found is None:
        raise Refused(404, "No such photograph.")
    return found


def earlier(session: Session, who: Who, case: Case) -> list[Case]:
    """The same lesion of the same patient at visits before this one, the latest first."""
    if case.patient is None or case.lesion is None:
        return []
    before = Case.received_at < case.received_at
    if case.visit_day is not None:
        before = or_(Case.visit_day < case.visit_day, (Case.visit_day == case.visit_day) & before)
    return list(
        session.scalars(
            select(Case)
            .where(
                Case.team == who.team,
                Case.patient == case.patient,
                Case.lesion == case.lesion,
                Case.id != case.id,
                before,
            )
            .order_by(Case.visit_day.desc(), Case.received_at.desc())
            .options(*_WHOLE)
        )
    )
