"""What is kept from a reader until they have read: the one place that decides it.

Of one case `hidden` says it. The queue's order and its reasons are of many cases and many readers at once, and each
shown place would tell what the model made of it; so on a blind server they come from the history alone, for everyone.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import SQLColumnExpression, select
from sqlalchemy.orm import Session

from cutis.serve.kinds import Refused, Who
from cutis.serve.settings import Settings
from cutis.serve.store.tables import Case, Photograph
from cutis.serve.words import Words


class Order(NamedTuple):
    """The columns by which the queue is put in order, and by whose codes it is filtered. blind: whether those of the
    history alone."""

    blind: bool
    priority: SQLColumnExpression[int]
    reasons: SQLColumnExpression[list[Any]]


def hidden(case: Case, who: Who, settings: Settings) -> bool:
    """Whether the model's answer, and all that is made of it, and other people's readings are kept from `who`.

    On a blind server: until they have committed a reading of their own, or the case is signed.
    """
    return settings.blind and case.state != "signed" and not any(r.account_id == who.account_id for r in case.readings)


def check_shown(case: Case, who: Who, settings: Settings, words: Words) -> None:
    """Raises Refused 403 while the case's answer is hidden from `who`."""
    if hidden(case, who, settings):
        raise Refused(403, words.t("blind.not_yet", id=case.id))


def check_picture(session: Session, who: Who, settings: Settings, words: Words, digest: str) -> None:
    """Raises Refused 403 if a picture of that digest is kept in a case whose answer is hidden from `who`: what a case
    hides is not asked of the model beside it."""
    if not settings.blind:
        return
    kept = select(Case).join(Case.photographs).where(Photograph.digest == digest, Case.team == who.team)
    for case in session.scalars(kept).unique():
        check_shown(case, who, settings, words)


def priority_of(case: Case, secret: bool) -> tuple[int, list[Any]]:
    """The priority and the reasons of a case that may be told. secret: whether its answer is hidden."""
    return (case.history_priority, case.history_reasons) if secret else (case.priority, case.reasons)


def order(settings: Settings) -> Order:
    """How the queue of this server waits."""
    if settings.blind:
        return Order(True, Case.history_priority, Case.history_reasons)
    return Order(False, Case.priority, Case.reasons)
