"""Whether readings are still what the trail says was committed: who owns the database may drop its triggers."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cutis.serve.store.tables import Entry, Reading

KEPT = ("diagnosis", "confidence", "management", "override", "checklists")


def kept(reading: Reading) -> dict[str, Any]:
    """What the trail holds of a reading."""
    return {"reading": reading.id, **{name: getattr(reading, name) for name in KEPT}}


def changed_readings(session: Session) -> str | None:
    """The first reading that was changed, removed, or put there beside the trail, in words; None if all are whole."""
    query = select(Entry.sequence, Entry.subject, Entry.content).where(Entry.action.startswith("reading."))
    noted = {}
    for sequence, subject, content in session.execute(query.order_by(Entry.sequence)):
        values = json.loads(content)
        noted[values["reading"]] = (sequence, subject, values)
    for reading in session.scalars(select(Reading).order_by(Reading.id)):
        sequence, subject, values = noted.pop(reading.id, (0, "", {}))
        if not sequence:
            return f"reading {reading.id} of case {reading.case_id} is not in the trail"
        if subject != reading.case_id or any(values.get(name) != value for name, value in kept(reading).items()):
            return f"reading {reading.id} of case {reading.case_id} was changed since entry {sequence}"
    for number, (sequence, subject, _) in noted.items():
        return f"reading {number} of case {subject}, in entry {sequence}, was removed"
    return None
