"""Cases over HTTP: opened, queued, shown, read; their pictures; the trail."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Form, Header, Path, Query, Request, UploadFile
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from cutis.serve import cases
from cutis.serve.accounts.who import Asking, needs
from cutis.serve.cases.asking import LONGEST
from cutis.serve.cases.forms import MOST_DAYS, MOST_NOTE
from cutis.serve.kinds import Refused, Who
from cutis.serve.store.tables import STATES
from cutis.serve.workbench import Workbench

router = APIRouter(tags=["cases"])

MEDIA = frozenset({"image/jpeg", "image/png", "image/webp"})  # what intake keeps; nothing a browser would run
MOST_SEQUENCE = 2**53
_STATE = f"open, all, {', '.join(STATES)}"
CaseId = Annotated[str, Path(max_length=16, examples=["p0wYcT3n9f3Qx1aB"])]


class Problem(BaseModel):
    """Why a request was refused, in one line. code: of a picture that was, what is wrong with it, for a program."""

    detail: str = Field(examples=["No such case."])
    code: str | None = Field(None, examples=["too_slow"])


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Problem} for status in statuses}


class Search(BaseModel):
    """Which cases of the queue, a page at a time."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"text": "4711", "state": "all"}]})
    text: str = Field("", max_length=200, description="Start of an id, part of a note, or a patient's number.")
    state: str = Field("open", max_length=16, description=_STATE)
    reason: str = Field("", max_length=64, description="A reason code.")
    site: str = Field("", max_length=128)
    cursor: str | None = Field(None, max_length=200)
    limit: int = Field(50, ge=1, le=200)


class QueuePage(BaseModel):
    """A page of the queue. following: the `cursor` of the next page. counts: cases of the team in each state."""

    cases: list[cases.RowView]
    following: str | None
    counts: dict[str, int]


_IMAGES: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {} for kind in sorted(MEDIA)}},
    304: {"description": "As cached."},
}


def _bench(request: Request) -> Workbench:
    bench: Workbench = request.app.state.workbench
    return bench


@router.post("/api/cases", status_code=201, responses=_refusals(413, 415, 422, 429, 503, 507))
async def new_case(
    request: Request,
    who: Asking,
    pictures: Annotated[
        list[UploadFile], File(description="JPEG, PNG, WebP or DICOM files of one lesion at one visit.")
    ],
    kind: Annotated[list[str], Form(description="Of each picture, in their order: overview, close-up or dermoscopy.")],
    patient: Annotated[
        str | None, Form(max_length=200, description="The clinic's own number; kept as a keyed pseudonym.")
    ] = None,
    lesion: Annotated[
        str | None, Form(max_length=200, description="Which lesion of the patient; kept as a keyed pseudonym.")
    ] = None,
    visit_day: Annotated[
        int | None, Form(ge=0, le=MOST_DAYS, description="Days since the patient's first visit.")
    ] = None,
    age: Annotated[int | None, Form(ge=0, le=130, examples=[54])] = None,
    sex: Annotated[Literal["male", "female", ""] | None, Form()] = None,
    site: Annotated[
        str | None,
        Form(
            max_length=128,
            description="A name of the ISIC vocabulary, in English or German.",
            examples=["Posterior trunk"],
        ),
    ] = None,
    symptoms: Annotated[
        list[str], Form(description="What was reported, by name; name=no for what was asked and denied.")
    ] = [],  # noqa: B006
    note: Annotated[str, Form(max_length=MOST_NOTE)] = "",
    bundle: Annotated[
        str | None, Form(max_length=64, description="Digest of the bundle to ask; the server's first if not given.")
    ] = None,
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=LONGEST + 2,
            description="A string of your own, new for each case, such as a UUID. Sent again with the same content it "
            "answers with the case that it opened, for a week; with another content it is refused (422).",
            examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
        ),
    ] = None,
) -> cases.CaseView:
    """Open a case: pictures are de-identified, measured and answered, and the case is in the queue when it returns.

    Who isn't sure whether a request arrived sends it again with the same Idempotency-Key: nothing is opened twice.
    """
    bench = _bench(request)
    if len(kind) != len(pictures):
        raise Refused(
            422, f"kind: {len(kind)} of them for {len(pictures)} pictures. Send one for each, in their order."
        )
    form = cases.case_form(
        patient,
        lesion,
        words=bench.words,
        visit_day=visit_day,
        age=age,
        sex=sex,
        site=site,
        symptoms=told(symptoms),
        note=note,
        bundle=bundle,
    )
    uploads = [(what, await picture.read()) for what, picture in zip(kind, pictures, strict=True)]
    if idempotency_key is None:
        case = await cases.receive(bench, who, form, uploads)
    else:
        case = await cases.receive_once(bench, who, form, uploads, cases.Key.of(idempotency_key, form, uploads))
    return cases.view(case, who, bench)


def told(symptoms: list[str]) -> dict[str, bool]:
    """Of a form's ticks, "name" or "name=no", name -> yes or no."""
    answers = {}
    for given in symptoms:
        name, _, answer = given.partition("=")
        if answer not in ("", "yes", "no"):
            raise Refused(422, f'symptoms: "{given[:80]}" is neither {name[:40]}=yes nor {name[:40]}=no.')
        if name:
            answers[name] = answer != "no"
    return answers


@router.get("/api/cases", responses=_refusals(422))
def get_queue(
    request: Request,
    who: Asking,
    state: Annotated[str, Query(description=_STATE, max_length=16)] = "open",
    reason: Annotated[str, Query(max_length=64, description="A reason code.")] = "",
    site: Annotated[str, Query(max_length=128)] = "",
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    text: Annotated[str | None, Query(include_in_schema=False)] = None,
) -> QueuePage:
    """The team's cases, the most urgent first; on a blind server as the history alone has it."""
    if text is not None:  # as version 0.1 took it; left out, it would answer with all cases
        raise Refused(422, "text: what is searched for stands in no address. Send it to POST /api/search.")
    return _page(_bench(request), who, cases.Filter(state, reason, site), cursor, limit)


@router.post("/api/search", responses=_refusals(422))
def search(request: Request, who: Asking, asked: Search) -> QueuePage:
    """`GET /api/cases`, of the cases that hold a text; in the body, as it may be a patient's number."""
    chosen = cases.Filter(asked.state, asked.reason, asked.site, asked.text)
    return _page(_bench(request), who, chosen, asked.cursor, asked.limit)


def _page(bench: Workbench, who: Who, chosen: cases.Filter, cursor: str | None, limit: int) -> QueuePage:
    with bench.store.reading() as session:
        page = cases.queue(session, who, bench.settings, chosen, cursor, limit)
        rows = [cases.row(case, who, bench) for case in page.cases]
        return QueuePage(cases=rows, following=page.following, counts=cases.counts(session, who))


@router.get("/api/cases/{case_id}", responses=_refusals(404))
def get_case(request: Request, who: Asking, case_id: CaseId) -> cases.CaseView:
    """One case; the model's answer is absent while it is hidden from you."""
    bench = _bench(request)
    with bench.store.reading() as session:
        return cases.view(cases.find(session, who, case_id), who, bench)


@router.post("/api/cases/{case_id}/readings", status_code=201, responses=_refusals(404, 409, 422, 503, 507))
def add_reading(request: Request, who: Asking, case_id: CaseId, form: cases.ReadingForm) -> cases.CaseView:
    """Commit a blind reading, or sign; answers with the case as it is now known to you."""
    bench = _bench(request)
    with bench.store.begin() as session:
        case = cases.find(session, who, case_id)
        cases.commit(session, bench, who, case, form)
        return cases.view(case, who, bench)


@router.get(
    "/api/photographs/{photograph_id}/image",
    response_class=FileResponse,
    responses=_IMAGES | _refusals(404),
)
def get_image(
    request: Request,
    who: Asking,
    photograph_id: Annotated[str, Path(max_length=16)],
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The de-identified picture. Its bytes never change, so a browser may keep it, for this user only."""
    bench = _bench(request)
    with bench.store.reading() as session:
        photograph = cases.photograph(session, who, photograph_id)
    etag = f'"{photograph.digest}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "private, max-age=86400, immutable",
        "Vary": "Cookie",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": "inline",
    }
    if if_none_match is not None and etag in [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]:
        return Response(status_code=304, headers=headers)
    media = photograph.media_type if photograph.media_type in MEDIA else "application/octet-stream"
    return FileResponse(bench.pictures.path(photograph.digest), media_type=media, headers=headers)


@router.get("/api/trail", responses=_refusals(403, 422))
def get_trail(
    request: Request,
    who: Annotated[Who, Depends(needs("curator"))],
    after: Annotated[int, Query(ge=0, le=MOST_SEQUENCE, description="Entries with a larger sequence.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[cases.EntryView]:
    """The audit trail of the team's cases and accounts, in order, but for what a blind reader must not know yet."""
    bench = _bench(request)
    with bench.store.reading() as session:
        return cases.of_team(session, who, bench.settings, after, limit)
