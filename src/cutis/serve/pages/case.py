"""One case: the page, a reading committed from it, a checklist scored, and the parts that are fetched when wanted."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from cutis.serve import cases
from cutis.serve.accounts.who import Asking
from cutis.serve.api.similar import similar_to
from cutis.serve.cases.forms import ReadingForm, checked
from cutis.serve.clinical import checklists
from cutis.serve.kinds import Who
from cutis.serve.pages.case_view import SURE, shown
from cutis.serve.pages.queue import Chosen
from cutis.serve.pages.render import bench_of, page
from cutis.serve.workbench import Workbench

router = APIRouter()
CaseId = Annotated[str, Path(max_length=16)]


@router.get("/cases/{case_id}")
def case(request: Request, who: Asking, case_id: CaseId, queue: Chosen, correct: bool = False) -> HTMLResponse:
    """queue: what the case was opened from. correct: with the form for another reading of a signed case."""
    bench = bench_of(request)
    with bench.store.reading() as session:
        found = cases.find(session, who, case_id)
        before, after = None, None
        if not queue.forgotten:
            before, after = cases.neighbours(session, who, bench.settings, queue.filter, case_id)
        told = shown(bench, who, found, cases.earlier(session, who, found))
    asked = queue.carried()
    told |= {
        "previous": before,
        "next": after,
        "query": f"?{urlencode(asked)}" if asked else "",
        "correcting": correct,
        "correct": urlencode({**asked, "correct": 1}),
    }
    return page(request, "case.html", who, v=told)


@router.post("/cases/{case_id}/readings")
async def add_reading(request: Request, who: Asking, case_id: CaseId) -> Response:
    """Commit what the form holds, then show the case again."""
    bench = bench_of(request)
    form = filled(await request.form(), bench)
    await run_in_threadpool(_commit, bench, who, case_id, form)
    query = request.url.query
    return RedirectResponse(f"/cases/{case_id}{'?' + query if query else ''}", 303)


def _commit(bench: Workbench, who: Who, case_id: str, form: ReadingForm) -> None:
    with bench.store.begin() as session:
        cases.commit(session, bench, who, cases.find(session, who, case_id), form)


@router.post("/cases/{case_id}/checklists/{name}")
async def score(request: Request, who: Asking, case_id: CaseId, name: Annotated[str, Path(max_length=40)]) -> Response:
    """The score of one list as it is filled in now. Nothing is kept."""
    bench = bench_of(request)
    items = ticked(await request.form(), bench).get(name, {})
    scored = checklists.score(name, items, bench.words) if items else None
    return page(request, "score.html", who, scored=scored)


@router.get("/cases/{case_id}/similar")
async def similar(request: Request, who: Asking, case_id: CaseId) -> HTMLResponse:
    """Similar confirmed cases, to be put into the case's page."""
    bench = bench_of(request)
    found = await similar_to(bench, who, case_id)
    near = [
        {
            **vars(one),
            "name": bench.words.class_name(one.name),
            "confirmed": _confirmed(bench, one.confirmed_by),
            "likeness": bench.words.number(one.likeness, 2),
        }
        for one in found.near
    ]
    return page(request, "similar.html", who, state=found.state, reason=found.reason, found=near, id=case_id)


def _confirmed(bench: Workbench, how: str | None) -> str:
    words = bench.words
    if how is None:
        return words.t("similar.not_confirmed")
    return words.t("similar.confirmed_by", how=words.t(f"confirmed.{how}") if words.has(f"confirmed.{how}") else how)


@router.get("/cases/{case_id}/trail")
def trail(request: Request, who: Asking, case_id: CaseId) -> HTMLResponse:
    """What happened to the case, to be put into its page."""
    bench = bench_of(request)
    with bench.store.reading() as session:
        entries = cases.of_case(session, who, bench.settings, cases.find(session, who, case_id))
    return page(request, "case_trail.html", who, entries=entries)


def filled(form: FormData, bench: Workbench) -> ReadingForm:
    """The reading in a form's fields: a diagnosis of the model's or in `own` words, how sure in five steps."""
    diagnosis, level = _text(form, "diagnosis") or _text(form, "own"), _text(form, "confidence")
    return checked(
        ReadingForm,
        {
            "kind": _text(form, "kind"),
            "diagnosis": diagnosis,
            "confidence": SURE.get(level),
            "management": _text(form, "management"),
            "override": _text(form, "override"),
            "checklists": ticked(form, bench),
        },
    )


def ticked(form: FormData, bench: Workbench) -> dict[str, dict[str, Any]]:
    """What is filled in of the checklists: fields "checklist.<list>.<item>". Lists with nothing in them are absent."""
    found: dict[str, dict[str, Any]] = {}
    for rule in checklists.definitions(bench.words):
        items: dict[str, Any] = {}
        for item in rule["items"]:
            given = [v for v in form.getlist(f"checklist.{rule['name']}.{item['name']}") if isinstance(v, str) and v]
            if given:
                items[item["name"]] = _value(item["kind"], given)
        if items:
            found[rule["name"]] = items
    return found


def _value(kind: str, given: list[str]) -> Any:
    if kind == "several":
        return given
    if kind == "number":
        return int(given[-1]) if given[-1].lstrip("-").isdecimal() else given[-1]
    return {"yes": True, "no": False}.get(given[-1], given[-1])


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""
