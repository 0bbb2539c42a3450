"""The trail as it may be told: of one's own team, and without what a blind reader must not know yet."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from cutis.serve import trail
from cutis.serve.cases.blind import hidden
from cutis.serve.kinds import Who
from cutis.serve.settings import Settings
from cutis.serve.store.tables import Account, Case, Entry, Photograph
from cutis.serve.trail import Link


class EntryView(BaseModel):
    """An entry of the trail. content: null while it is hidden from you. digest: seals this entry and all before it."""

    sequence: int
    at: str
    actor: str
    action: str
    subject: str
    content: dict[str, Any] | None
    digest: str


def of_case(session: Session, who: Who, settings: Settings, case: Case) -> list[EntryView]:
    """What happened to one case, the oldest first."""
    secret = {case.id} if hidden(case, who, settings) else set()
    return [_view(link, who, secret) for link in trail.of_subject(session, case.id)]


def of_team(session: Session, who: Who, settings: Settings, after: int = 0, limit: int = 200) -> list[EntryView]:
    """Entries of the team's cases and accounts after a sequence, in order."""
    query = (
        select(*trail.COLUMNS)
        .where(
            Entry.sequence > after,
            or_(
                Entry.subject.in_(select(Case.id).where(Case.team == who.team)),
                Entry.actor.in_(select(Account.name).where(Account.team == who.team)),
            ),
        )
        .order_by(Entry.sequence)
        .limit(limit)
    )
    found = [Link(*row) for row in session.execute(query)]
    secret = _secret(session, who, settings, {link.subject for link in found})
    return [_view(link, who, secret) for link in found]


def _secret(session: Session, who: Who, settings: Settings, subjects: Iterable[str]) -> set[str]:
    """Of these subjects, the cases that are hidden from `who`, and the digests of their pictures."""
    if not settings.blind:
        return set()
    named = list(subjects)
    with_picture = select(Photograph.case_id).where(Photograph.digest.in_(named))
    about = select(Case).where(or_(Case.id.in_(named), Case.id.in_(with_picture)))
    found = session.scalars(about.options(selectinload(Case.readings), selectinload(Case.photographs)))
    secret = [case for case in found if hidden(case, who, settings)]
    return {case.id for case in secret} | {p.digest for case in secret for p in case.photographs}


def _view(link: Link, who: Who, secret: set[str]) -> EntryView:
    own = link.actor == who.name and link.action.startswith("reading.")
    content = None if link.subject in secret and not own else json.loads(link.content)
    return EntryView(
        content=content, **{name: getattr(link, name) for name in EntryView.model_fields if name != "content"}
    )
