"""What the trail holds of a row, so that the row can be compared with its entry ever after.

Plain values where they say nothing of a person. What may (a note, a history, a DICOM header) goes in as a digest,
salted with the entry's own `salt`: equal ones don't look alike, and no list made beforehand tells them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cutis.files import sha256_text
from cutis.serve.store.tables import Account, Answer, Case, Photograph, Reading
from cutis.serve.trail.links import canonical

READING = ("diagnosis", "confidence", "management", "override", "checklists")
ANSWER = ("bundle", "status", "reason", "predicted", "probabilities", "ood")
ACCOUNT = ("role", "team", "disabled")
_URGENCY = ("priority", "reasons", "history_priority", "history_reasons")
_HISTORY = ("patient", "lesion", "visit_day", "age", "sex", "site", "symptoms")
_PICTURE = ("media_type", "width", "height", "mm_per_pixel", "quality", "tone", "dicom")


def of_reading(reading: Reading) -> dict[str, Any]:
    """Its reader is the entry's actor, its kind is in the action, its case is the subject."""
    return {
        "reading": reading.id,
        "created_at": moment(reading.created_at),
        **{name: getattr(reading, name) for name in READING},
    }


def of_case(case: Case, salt: str) -> dict[str, Any]:
    """As it is opened, but for its photographs. Who opened it is the entry's actor; its state follows from the entries
    of its readings."""
    return {
        "team": case.team,
        "received_at": moment(case.received_at),
        **{name: getattr(case, name) for name in _URGENCY},
        "history": salted({name: getattr(case, name) for name in _HISTORY}, salt),
        "note": salted(case.note, salt),
    }


def of_photograph(photograph: Photograph, salt: str) -> dict[str, Any]:
    return {
        "photograph": photograph.id,
        "kind": photograph.kind,
        "digest": photograph.digest,
        "measured": salted({name: getattr(photograph, name) for name in _PICTURE}, salt),
    }


def of_answer(answer: Answer) -> dict[str, Any]:
    """The fields of a prediction's entry, and those that only an answer which is kept has."""
    return {
        "created_at": moment(answer.created_at),
        "set": answer.answer_set,
        **{name: getattr(answer, name) for name in ANSWER},
    }


def of_account(account: Account) -> dict[str, Any]:
    return {"created_at": moment(account.created_at), **{name: getattr(account, name) for name in ACCOUNT}}


def of_password(stored: str | None) -> str | None:
    """A digest of an argon2id hash, from which, as it is salted, nothing can be guessed; None where there is none."""
    return None if stored is None else sha256_text(stored)


def moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def salted(value: Any, salt: str) -> str:
    return sha256_text(salt + canonical({"is": value}))
