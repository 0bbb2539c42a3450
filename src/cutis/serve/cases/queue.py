"""The queue: the most urgent first, then who has waited longest; a page at a time, whose cost doesn't grow with depth.

A page starts after a key (priority, time, id), not after a count, so that new cases shift nobody's place. By which
priority, and by whose reasons, `cutis.serve.cases.blind` says.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, func, or_, select
from sqlalchemy.orm import Session, selectinload

from cutis.errors import nearest
from cutis.serve.cases.blind import Order, order, priority_of
from cutis.serve.cases.forms import patient_pseudonym
from cutis.serve.kinds import Refused, Who
from cutis.serve.settings import Settings
from cutis.serve.store.tables import STATES, Case, Photograph

MOST = 200
OPEN = ("waiting", "read")


@dataclass(frozen=True)
class Filter:
    """Which cases of the team. state: one of STATES, "open" (not signed) or "all". reason: a reason code. site: a name
    of the vocabulary, with all that is within it. text: the beginning of a case's id, a part of its note, or a
    patient's own number."""

    state: str = "open"
    reason: str = ""
    site: str = ""
    text: str = ""

    def where(self, who: Who, by: Order) -> list[ColumnElement[bool]]:
        """Raises Refused 422 for a state that there is not."""
        told = [Case.team == who.team]
        if self.state == "open":
            told.append(Case.state.in_(OPEN))
        elif self.state in STATES:
            told.append(Case.state == self.state)
        elif self.state != "all":
            raise Refused(422, f'state "{self.state[:40]}": {nearest(self.state, ("open", "all", *STATES))}')
        if self.reason:  # a list in JSON, whose codes are quoted; as text it is alike in both databases
            told.append(cast(by.reasons, String).contains(json.dumps(_clean(self.reason)), autoescape=True))
        if self.site:
            site = _clean(self.site)
            told.append(or_(Case.site == site, Case.site.startswith(f"{site}:", autoescape=True)))
        if self.text:
            told.append(_holds(_clean(self.text)))
        return told


@dataclass(frozen=True)
class Page:
    """Cases with their photographs and answers. following: the cursor of the next page, None on the last."""

    cases: list[Case]
    following: str | None


def queue(
    session: Session, who: Who, settings: Settings, chosen: Filter, cursor: str | None = None, limit: int = 50
) -> Page:
    """One page of the team's cases. Raises Refused 422 for a cursor that was not given out here."""
    by = order(settings)
    query = select(Case).where(*chosen.where(who, by))
    if cursor is not None:
        query = query.where(_after(by, *_read(cursor)))
    limit = min(max(limit, 1), MOST)
    found = list(
        session.scalars(
            _in_order(by, query)
            .limit(limit + 1)
            .options(selectinload(Case.photographs).selectinload(Photograph.answers), selectinload(Case.readings))
        )
    )
    return Page(found[:limit], _cursor(by, found[limit - 1]) if len(found) > limit else None)


def neighbours(
    session: Session, who: Who, settings: Settings, chosen: Filter, case_id: str
) -> tuple[str | None, str | None]:
    """The ids before and after a case in the queue's order; None at an end.

    The case itself need not be in the filter any more: the next one is found after it was signed. Raises Refused 404.
    """
    by = order(settings)
    key = session.execute(
        select(by.priority, Case.received_at, Case.id).where(Case.id == case_id, Case.team == who.team)
    ).first()
    if key is None:
        raise Refused(404, "No such case.")
    ids = select(Case.id).where(*chosen.where(who, by))
    return (
        session.scalar(_in_order(by, ids.where(_after(by, *key, backwards=True)), backwards=True).limit(1)),
        session.scalar(_in_order(by, ids.where(_after(by, *key))).limit(1)),
    )


def counts(session: Session, who: Who) -> dict[str, int]:
    """How many cases of the team are in each state."""
    rows = session.execute(select(Case.state, func.count()).where(Case.team == who.team).group_by(Case.state))
    return dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in rows}


def _in_order(by: Order, query: Select[Any], backwards: bool = False) -> Select[Any]:
    if backwards:
        return query.order_by(by.priority, Case.received_at.desc(), Case.id.desc())
    return query.order_by(by.priority.desc(), Case.received_at, Case.id)


def _after(by: Order, priority: int, at: datetime, case_id: str, backwards: bool = False) -> ColumnElement[bool]:
    if backwards:
        sooner, earlier, before = by.priority > priority, Case.received_at < at, Case.id < case_id
    else:
        sooner, earlier, before = by.priority < priority, Case.received_at > at, Case.id > case_id
    same = by.priority == priority
    return or_(sooner, and_(same, earlier), and_(same, Case.received_at == at, before))


def _holds(text: str) -> ColumnElement[bool]:
    return or_(
        Case.id.startswith(text, autoescape=True),
        Case.note.icontains(text, autoescape=True),
        Case.patient == text,
        Case.patient == patient_pseudonym(text),
    )


def _clean(text: str) -> str:
    """No database holds NUL or half a surrogate pair, so nothing is lost by not looking for them."""
    return text.strip()[:200].replace("\0", "").encode("utf-8", "ignore").decode()


def _cursor(by: Order, case: Case) -> str:
    key = json.dumps([priority_of(case, by.blind)[0], case.received_at.isoformat(), case.id]).encode()
    return base64.urlsafe_b64encode(key).decode().rstrip("=")


def _read(cursor: str) -> tuple[int, datetime, str]:
    try:
        priority, at, case_id = json.loads(base64.b64decode(cursor.encode() + b"===", b"-_", validate=False))
        when = datetime.fromisoformat(at).astimezone(UTC)
        if type(priority) is int and abs(priority) < 2**31 and isinstance(case_id, str) and "\0" not in case_id:
            case_id.encode()
            return priority, when, case_id
    except (binascii.Error, ValueError, TypeError, OverflowError):
        pass
    raise Refused(422, "cursor: not one of this queue. Start again without it.")
