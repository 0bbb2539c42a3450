"""Asking twice for the same case: a key that a program makes up holds the first answer.

As the header `Idempotency-Key` of the IETF's draft-ietf-httpapi-idempotency-key-header. The key is written in the
transaction that opens the case, and the database holds that it is one account's only once: of two requests at the same
moment, and through a crash, one opens the case and the other finds it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from cutis.files import canonical_json, sha256_text
from cutis.serve.cases.finding import find
from cutis.serve.cases.forms import CaseForm
from cutis.serve.cases.opening import receive
from cutis.serve.kinds import Refused, Who
from cutis.serve.store.tables import Case, Request, now
from cutis.serve.workbench import Workbench

KEPT = timedelta(days=7)
LONGEST = 255


@dataclass(frozen=True)
class Key:
    """A request's key, and the SHA-256 of what it asks: the form, by pseudonyms, and the files with their kinds."""

    key: str
    content: str

    @classmethod
    def of(cls, header: str, form: CaseForm, uploads: Sequence[tuple[str, bytes]]) -> Key:
        """header: the key, bare or in the draft's double quotes. Raises Refused 422 if it is none."""
        text = header.strip()
        if len(text) > 1 and text.startswith('"') and text.endswith('"'):
            text = text[1:-1]
        if not 0 < len(text) <= LONGEST or not (text.isascii() and text.isprintable()):
            raise Refused(422, f"Idempotency-Key: 1 to {LONGEST} printable ASCII characters. A new UUID does well.")
        files = [[kind, hashlib.sha256(data).hexdigest()] for kind, data in uploads]
        return cls(text, sha256_text(canonical_json({"form": form.model_dump(), "files": files})))

    def note(self, session: Session, who: Who, case: Case) -> None:
        """Keep it beside the new case; raises IntegrityError if another request has. Keys of old are forgotten."""
        session.execute(delete(Request).where(Request.created_at < now() - KEPT))
        session.add(Request(account_id=who.account_id, key=self.key, content=self.content, case_id=case.id))
        session.flush()


async def receive_once(
    bench: Workbench, who: Who, form: CaseForm, uploads: Sequence[tuple[str, bytes]], key: Key
) -> Case:
    """`receive`, or the case that it opened before under the same key.

    Raises Refused: 422 for a key that came with another content, and as `receive`; what was refused may be sent again
    under its key.
    """
    found = await run_in_threadpool(_known, bench, who, key)
    if found is not None:
        return found
    try:
        return await receive(bench, who, form, uploads, key.note)
    except IntegrityError:
        found = await run_in_threadpool(_known, bench, who, key)  # asked twice at the same moment
        if found is None:
            raise
        return found


def _known(bench: Workbench, who: Who, key: Key) -> Case | None:
    with bench.store.reading() as session:
        asked = session.get(Request, (who.account_id, key.key))
        if asked is None:
            return None
        if asked.content != key.content:
            raise Refused(422, "Idempotency-Key: sent before with another content. Make a new key for a new case.")
        return find(session, who, asked.case_id)
