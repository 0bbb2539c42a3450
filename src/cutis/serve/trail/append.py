"""Adding to the trail. One writer at a time, or two would seal the same entry and fork the chain."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from cutis.serve.store.tables import Entry
from cutis.serve.trail.links import START, canonical, seal

_LOCK = 0x435F5452  # PostgreSQL: held until the transaction ends


class Item(NamedTuple):
    """What is to be remembered. actor: an account's name. action: what was done, such as "case.opened". subject: the
    id of what it was done to. content: plain values, no identity, no pixels."""

    actor: str
    action: str
    subject: str
    content: dict[str, Any]


def append(session: Session, actor: str, action: str, subject: str, content: dict[str, Any]) -> None:
    """Add one entry within the caller's transaction, which must be one of `Store.begin`.

    Do it last: from here to the commit all other writers of the trail wait. Raises ValueError for NaN in `content`.
    """
    append_all(session, [Item(actor, action, subject, content)])


def append_all(session: Session, items: Iterable[Item]) -> None:
    """`append` for several at once, in their order; one look at the chain's end for all of them."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    # SQLite: Store.begin has taken the database's only write lock already.
    last = session.execute(select(Entry.sequence, Entry.digest).order_by(Entry.sequence.desc()).limit(1)).first()
    sequence, previous = (last.sequence, last.digest) if last else (0, START)
    rows = []
    for item in items:
        sequence += 1
        values = {
            "sequence": sequence,
            "at": datetime.now(UTC).isoformat(timespec="microseconds"),
            "actor": item.actor,
            "action": item.action,
            "subject": item.subject,
            "content": canonical(item.content),
            "previous": previous,
        }
        previous = seal(values)
        rows.append(values | {"digest": previous})
    if rows:
        session.execute(insert(Entry), rows)
