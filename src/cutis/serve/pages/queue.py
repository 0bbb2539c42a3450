"""The queue, a page of it at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from cutis.serve import cases
from cutis.serve.accounts.who import Asking
from cutis.serve.clinical.triage import HISTORY, REASONS
from cutis.serve.kinds import Refused, Who
from cutis.serve.pages import telling
from cutis.serve.pages.render import ago, bench_of, page
from cutis.serve.searches import LONGEST
from cutis.serve.store.tables import STATES, Case
from cutis.serve.workbench import Workbench

router = APIRouter()
ROWS = 50
SHOWN_REASONS, SHOWN_NAMES = 3, 3
_TELLING = ("dermoscopy", "close-up", "overview")  # the most telling of a case's photographs first


@dataclass(frozen=True)
class Asked:
    """A filter, and how an address has it. search: the word for what was typed. forgotten: whether it is known no more,
    so that the filter lacks it."""

    filter: cases.Filter
    search: str = ""
    forgotten: bool = False

    def carried(self) -> dict[str, str]:
        """What of it differs from the usual, for an address: never what was typed."""
        usual, told = cases.Filter(), vars(self.filter) | {"text": ""}
        found = {name: value for name, value in told.items() if value != getattr(usual, name)}
        return found | ({"search": self.search} if self.search and not self.forgotten else {})


def asked_of(
    request: Request,
    who: Asking,
    state: Annotated[str, Query(max_length=16)] = "open",
    reason: Annotated[str, Query(max_length=64)] = "",
    site: Annotated[str, Query(max_length=128)] = "",
    search: Annotated[str, Query(max_length=40)] = "",
    text: str | None = None,
) -> Asked:
    bench = bench_of(request)
    if text is not None:  # as version 0.1 had it
        raise Refused(422, bench.words.t("queue.not_in_address"))
    typed = bench.searches.text(who.account_id, search) if search else ""
    return Asked(cases.Filter(state, reason, site, typed or ""), search, typed is None)


Chosen = Annotated[Asked, Depends(asked_of)]


@router.post("/search")
def search(
    request: Request,
    who: Asking,
    state: Annotated[str, Form(max_length=16)] = "open",
    reason: Annotated[str, Form(max_length=64)] = "",
    site: Annotated[str, Form(max_length=128)] = "",
    text: Annotated[str, Form(max_length=LONGEST)] = "",
) -> RedirectResponse:
    """To the queue so filtered. What was typed comes in the body and stays here."""
    text = " ".join(text.split())  # what was pasted may have line ends; what is looked for has none
    word = bench_of(request).searches.keep(who.account_id, text) if text else ""
    query = urlencode(Asked(cases.Filter(state, reason, site), word).carried())
    return RedirectResponse(f"/?{query}" if query else "/", 303)


@router.get("/")
def queue(
    request: Request, who: Asking, asked: Chosen, cursor: Annotated[str | None, Query(max_length=200)] = None
) -> HTMLResponse:
    """The whole page; with a cursor, only the rows that follow."""
    bench, chosen = bench_of(request), asked.filter
    if asked.forgotten and cursor is not None:
        raise Refused(422, bench.words.t("queue.forgotten"))
    with bench.store.reading() as session:
        found = cases.queue(session, who, bench.settings, chosen, cursor, ROWS)
        counts = cases.counts(session, who)
        rows = [_row(bench, who, case) for case in found.cases]
    told = asked.carried()
    more = urlencode({**told, "cursor": found.following}) if found.following else ""
    values: dict[str, Any] = {"rows": rows, "more": more, "query": f"?{urlencode(told)}" if told else ""}
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
        forgotten=asked.forgotten,
        states=[(name, states[name]) for name in ("open", *STATES, "all")],
        # on a blind server the queue knows no other reasons
        reasons=[(code, bench.words.t(f"reason.{code}")) for code in (HISTORY if bench.settings.blind else REASONS)],
        sites=telling.regions(bench.words),
        total=states[chosen.state] if plain else None if found.following else len(rows),
        narrowed=chosen != cases.Filter(),
    )


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
