"""The queue, a page of it at a time."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from cutis.serve import cases
from cutis.serve.accounts.who import Asking
from cutis.serve.clinical.triage import HISTORY, REASONS
from cutis.serve.kinds import Who
from cutis.serve.pages import telling
from cutis.serve.pages.render import ago, bench_of, page
from cutis.serve.store.tables import STATES, Case
from cutis.serve.workbench import Workbench

router = APIRouter()
ROWS = 50
SHOWN_REASONS, SHOWN_NAMES = 3, 3
_TELLING = ("dermoscopy", "close-up", "overview")  # the most telling of a case's photographs first


def chosen_of(
    state: Annotated[str, Query(max_length=16)] = "open",
    reason: Annotated[str, Query(max_length=64)] = "",
    site: Annotated[str, Query(max_length=128)] = "",
    text: Annotated[str, Query(max_length=200)] = "",
) -> cases.Filter:
    return cases.Filter(state, reason, site, text)


Chosen = Annotated[cases.Filter, Depends(chosen_of)]


@router.get("/")
def queue(
    request: Request, who: Asking, chosen: Chosen, cursor: Annotated[str | None, Query(max_length=200)] = None
) -> HTMLResponse:
    """The whole page; with a cursor, only the rows that follow."""
    bench = bench_of(request)
    with bench.store.reading() as session:
        found = cases.queue(session, who, bench.settings, chosen, cursor, ROWS)
        counts = cases.counts(session, who)
        rows = [_row(bench, who, case) for case in found.cases]
    asked = carried(chosen)
    more = urlencode({**asked, "cursor": found.following}) if found.following else ""
    values: dict[str, Any] = {"rows": rows, "more": more, "query": f"?{urlencode(asked)}" if asked else ""}
    if cursor is not None:
        return page(request, "queue_rows.html", who, **values)
    # How many there are is known of a state, and of a list that ends here; else it isn't counted.
    plain = chosen == cases.Filter(chosen.state)
    states = {"open": counts["waiting"] + counts["read"], **counts, "all": sum(counts.values())}
    return page(
        request,
        "queue.html",
        who,
        **values,
        chosen=chosen,
        states=[(name, states[name]) for name in ("open", *STATES, "all")],
        # on a blind server the queue knows no other reasons
        reasons=[(code, bench.words.t(f"reason.{code}")) for code in (HISTORY if bench.settings.blind else REASONS)],
        sites=telling.regions(bench.words),
        total=states[chosen.state] if plain else None if found.following else len(rows),
        narrowed=chosen != cases.Filter(),
    )


def carried(chosen: cases.Filter) -> dict[str, str]:
    """What of a filter differs from the usual, for an address."""
    usual = cases.Filter()
    return {name: value for name, value in vars(chosen).items() if value != getattr(usual, name)}


def _row(bench: Workbench, who: Who, case: Case) -> dict[str, Any]:
    words, seen = bench.words, cases.row(case, who, bench)
    says, said_more = _says(bench, case, seen.hidden)
    return {
        "id": seen.id,
        "picture": min(case.photographs, key=lambda p: _TELLING.index(p.kind)).id,
        "person": telling.person(words, seen.age, seen.sex, seen.id),
        "site": words.site(seen.site),
        "reasons": telling.reasons(words, seen.reasons[:SHOWN_REASONS]),
        "note": case.note,
        "says": says,
        "said_more": said_more,
        "state": seen.state,
        "received": seen.received_at,
        "ago": ago(seen.received_at),
    }


def _says(bench: Workbench, case: Case, secret: bool) -> tuple[str, str]:
    """The case's answer in a line, and what is to be said with it."""
    words = bench.words
    pictures = words.t("queue.pictures", n=len(case.photographs))
    if secret:
        return words.t("blind.title"), pictures
    found = cases.ask_set(case)
    if found is None:
        return words.t("refusal.title"), pictures
    names = cases.named(case, bench.models)
    shown = ", ".join(words.class_name(names.get(code, code)) for code in found[:SHOWN_NAMES])
    return f"{shown} +{len(found) - SHOWN_NAMES}" if len(found) > SHOWN_NAMES else shown, pictures
