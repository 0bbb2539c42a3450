"""The audit trail as a page, for curators."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cutis.serve import cases
from cutis.serve import trail as chain
from cutis.serve.accounts.who import needs
from cutis.serve.kinds import Who
from cutis.serve.pages.render import bench_of, page
from cutis.serve.store.tables import Entry

router = APIRouter()
ROWS = 100
SHOWN = 20  # differences


@router.get("/trail")
def trail(
    request: Request,
    who: Annotated[Who, Depends(needs("curator"))],
    after: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    check: bool = False,
) -> HTMLResponse:
    """The latest entries, or those after a number. check: follow the whole chain first, and compare all with it."""
    bench = bench_of(request)
    with bench.store.snapshot() if check else bench.store.reading() as session:
        last = session.scalar(select(func.max(Entry.sequence))) or 0
        start = max(0, last - ROWS) if after is None else after
        entries = cases.of_team(session, who, bench.settings, start, ROWS)
        checked = _checked(session) if check else None
    return page(
        request,
        "trail.html",
        who,
        entries=[_entry(bench.words.t("blind.hidden"), entry) for entry in reversed(entries)],
        checked=checked,
        shown=SHOWN,
        older=max(0, start - ROWS) if start else None,
        newer=start + ROWS if after is not None and start + ROWS < last else None,
    )


def _checked(session: Session) -> dict[str, Any]:
    """How many entries hold, and what is wrong: with the chain, or with a row."""
    verdict = chain.verify(chain.links(session))
    return {
        "entries": verdict.entries,
        "wrong": [verdict.broken] if verdict.broken else chain.compare(session).differences,
    }


def _entry(hidden: str, entry: cases.EntryView) -> dict[str, Any]:
    content = hidden if entry.content is None else json.dumps(entry.content, ensure_ascii=False, indent=1)
    return {**entry.model_dump(exclude={"content"}), "content": content}
