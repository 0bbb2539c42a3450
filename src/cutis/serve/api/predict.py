"""Predictions for programs, the bundles' cards, and whether the server is well."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy import text
from starlette.datastructures import UploadFile

from cutis.bundle.predict import Bundle
from cutis.schema.classes import ClassInfo
from cutis.serve import cases
from cutis.serve.accounts.who import Asking
from cutis.serve.api.cases import Problem
from cutis.serve.inference.gone import while_there
from cutis.serve.inference.journal import prediction
from cutis.serve.kinds import Refused, Said, Who
from cutis.serve.promises import promise, told
from cutis.serve.trail import Item
from cutis.serve.workbench import Workbench

router = APIRouter(tags=["predictions"])
MOST = 32  # pictures a request
_UNREADABLE = {413, 415, 422}  # what is wrong with a picture, and not with the server
_DIGEST = "001c4137bc3c075313393ee1c17a49df31d5e3ebb146f1b92e18953bc37e679c"
_CLASS: dict[str, Any] = {"code": "nv", "name": "Melanocytic nevus", "malignant": False, "probability": 0.93}


class Candidate(BaseModel):
    """A class in a set. malignant: null if it counts as neither."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CLASS]})
    code: str
    name: str
    malignant: bool | None
    probability: float


class Strangeness(BaseModel):
    """How unlike the training images a picture is; above the threshold it is refused."""

    value: float
    threshold: float
    score: str


class OneAnswer(BaseModel):
    """Of one picture, in the order sent.

    input: SHA-256 of the bytes sent. status: "ok"; "refused", for `reason`, which says what to do; "error", if it can't
    be read. set: the classes that were made to hold the truth as often as `coverage` says, most probable first; null if
    the bundle has no sets. probabilities: calibrated, one a class; given for a refused picture too, for audits.
    """

    input: str
    status: Literal["ok", "refused", "error"]
    reason: str | None = None
    set: list[Candidate] | None = None
    probabilities: dict[str, float] | None = None
    ood: Strangeness | None = None


class Coverage(BaseModel):
    """What share of sets was made to hold the truth, and on what; in words, with what was measured since, and what
    isn't known of this picture. calibrated_on: "" if the dataset wasn't recorded. measured: a sentence for each dataset
    that it was measured on; a lone one if it never was."""

    share: float
    words: str
    calibrated_on: str
    measured: list[str]


class Predicted(BaseModel):
    """Answers of one bundle, by its digest, and what must be read with them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "bundle": _DIGEST,
                    "coverage": {
                        "share": 0.9,
                        "words": "The list was made to hold the answer in 9 of 10 cases like those it was calibrated "
                        "on. Measured on ham10000 (test part): 87 of 100 lists held the answer (84 to 90).",
                        "calibrated_on": "747 lesions of ham10000",
                        "measured": ["Measured on ham10000 (test part): 87 of 100 lists held the answer (84 to 90)."],
                    },
                    "answers": [
                        {
                            "input": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                            "status": "ok",
                            "set": [_CLASS],
                            "probabilities": {"mel": 0.04, "nv": 0.93, "bkl": 0.03},
                            "ood": {"value": 0.41, "threshold": 0.62, "score": "knn"},
                        }
                    ],
                    "limits": ["Calibrated on ham10000."],
                    "licence": "research only: ham10000 is CC BY-NC 4.0",
                    "safety": "Not a diagnosis. Research use only; not a medical device.",
                }
            ]
        }
    )
    bundle: str
    coverage: Coverage | None = None
    answers: list[OneAnswer]
    limits: list[str]
    licence: str
    safety: str


class Card(BaseModel):
    """A bundle that is served. first: whether cases are read with it. card: what it is, as in its bundle.json."""

    digest: str
    first: bool
    runtime: str
    precision: str
    card: dict[str, Any]


class Health(BaseModel):
    """status: "ok", or what is missing."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})
    status: str


_PICTURE = {"schema": {"type": "string", "format": "binary"}}
_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {
                        "type": "array",
                        "items": {"type": "string", "format": "binary"},
                        "minItems": 1,
                        "maxItems": MOST,
                    }
                },
            }
        },
        **dict.fromkeys(("image/jpeg", "image/png", "application/dicom", "application/octet-stream"), _PICTURE),
    },
}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "No login"},
    403: {"model": Problem, "description": "A picture of a case that you have not read yet, on a blind server"},
    404: {"model": Problem, "description": "No such bundle"},
    413: {"model": Problem, "description": "Too large"},
    415: {"model": Problem, "description": "Not a picture"},
    422: {"model": Problem, "description": "Not a readable picture"},
    429: {"model": Problem, "description": "Too many wait; see Retry-After"},
    503: {"model": Problem, "description": "Too busy, starting or stopping; see Retry-After"},
}


@router.post(
    "/predict",
    response_model=Predicted,
    responses={400: {"model": Problem, "description": "Not a multipart body"}, **_PROBLEMS},
    openapi_extra={"requestBody": _BODY},
    summary="Predict one or several pictures",
)
async def predict(
    request: Request,
    who: Asking,
    bundle: Annotated[str | None, Query(description="Digest of the bundle; the first if not given.")] = None,
) -> Response:
    """Send a picture as the body, or one or several as multipart fields `file`. Nothing is kept of them but the trail's
    entry: digests, and what was said.

    One picture that can't be read is an error; among several it is an answer with the status "error".
    """
    bench: Workbench = request.app.state.workbench
    model = bench.models.bundle(bundle)
    pictures = await _pictures(request)
    found = await while_there(request, _answers(bench, model, who, pictures))
    return Response(found.model_dump_json(), media_type="application/json")


async def _pictures(request: Request) -> list[bytes]:
    kind = request.headers.get("content-type", "application/octet-stream").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with request.form(max_files=MOST) as form:
            pictures = [await f.read() for f in form.getlist("file") if isinstance(f, UploadFile)]
        if not pictures:
            raise Refused(422, 'no picture was sent. Send each as a file field named "file".')
        return pictures
    if not kind.startswith("image/") and kind not in ("application/octet-stream", "application/dicom"):
        raise Refused(415, f'a body of the type "{kind[:80]}": send a picture, or multipart/form-data, fields "file".')
    data = await request.body()
    if not data:
        raise Refused(422, "the body is empty (0 bytes). Send a picture.")
    return [data]


async def _answers(bench: Workbench, bundle: Bundle, who: Who, pictures: list[bytes]) -> Predicted:
    alone = len(pictures) == 1
    asked = [_answer(bench, bundle, who, data, alone) for data in pictures]
    found: list[tuple[OneAnswer, Item]] = await _together(asked)
    await bench.journal.record(*(entry for _, entry in found))
    card, rule = bundle.card, bundle.card.conformal
    return Predicted(
        bundle=bundle.digest,
        coverage=Coverage(
            share=rule.coverage,
            words=promise(bench.words, card, bundle.measured).whole,
            calibrated_on=f"{rule.n_units} {rule.unit}s of {card.calibrated_on}" if card.calibrated_on else "",
            measured=told(bench.words, bundle.measured),
        )
        if rule
        else None,
        answers=[answer for answer, _ in found],
        limits=list(card.limits),
        licence=card.licence.answer,
        safety=bench.words.safety.whole,
    )


async def _together[T](work: list[Any]) -> list[T]:
    """All results, or the first error as it is; then the others are cancelled."""
    if len(work) == 1:
        return [await work[0]]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    return [task.result() for task in tasks]


async def _answer(bench: Workbench, bundle: Bundle, who: Who, data: bytes, alone: bool) -> tuple[OneAnswer, Item]:
    digest = hashlib.sha256(data).hexdigest()
    if bench.settings.blind:
        await run_in_threadpool(_check_blind, bench, who, digest)
    try:
        taken = await bench.intake.take(data, keep=False, whose=who.name)
        said = await bench.models.answer(taken.seen[bundle.digest], bundle.digest)
    except Refused as refused:
        if alone or refused.status not in _UNREADABLE:
            raise
        said = Said(bundle.digest, "error", str(refused), None, None, None, None)
    return _shown(bundle, said, digest), prediction(bundle, said, who.name, digest)


def _check_blind(bench: Workbench, who: Who, digest: str) -> None:
    with bench.store.reading() as session:
        cases.check_picture(session, who, bench.settings, bench.words, digest)


def _shown(bundle: Bundle, said: Said, digest: str) -> OneAnswer:
    rule, p = bundle.card.ood, said.probabilities or {}
    ood = (
        Strangeness(value=said.ood, threshold=rule.threshold, score=rule.method)
        if rule and said.ood is not None
        else None
    )
    known = {c.code: c for c in bundle.classes}
    inside = None if said.answer_set is None else [_candidate(known[code], p[code]) for code in said.answer_set]
    return OneAnswer(
        input=digest, status=said.status, reason=said.reason, set=inside, probabilities=said.probabilities, ood=ood
    )


def _candidate(known: ClassInfo, p: float) -> Candidate:
    return Candidate(code=known.code, name=known.name, malignant=known.malignant, probability=p)


@router.get("/api/bundles", responses={401: _PROBLEMS[401]}, summary="The bundles that are served")
async def bundles(request: Request, who: Asking) -> list[Card]:
    """Each bundle's card: classes, coverage, limits, licence, evidence. Cases are read with the first."""
    models = request.app.state.workbench.models
    return [
        Card(
            digest=digest,
            first=bundle is models.first,
            runtime=bundle.runtime.name,
            precision=bundle.runtime.precision,
            card=bundle.card.model_dump(mode="json"),
        )
        for digest, bundle in models.by_digest.items()
    ]


@router.get("/health", summary="Is the server alive")
async def health() -> Health:
    """Answers as long as the server does; says nothing of its parts."""
    return Health(status="ok")


@router.get("/ready", responses={503: {"model": Health, "description": "Not ready"}}, summary="Can it answer")
async def ready(request: Request) -> Response:
    """Whether pictures can be decoded, answered and written down now."""
    bench: Workbench = request.app.state.workbench
    missing = [
        what
        for what, there in (
            ("decoders", bench.intake.ready),
            ("models", bench.models.ready),
            ("trail", bench.journal.alive),
            ("store", await run_in_threadpool(_answers_queries, bench)),
        )
        if not there
    ]
    said = Health(status=f"not ready: {', '.join(missing)}" if missing else "ok")
    return Response(said.model_dump_json(), 503 if missing else 200, media_type="application/json")


def _answers_queries(bench: Workbench) -> bool:
    try:
        with bench.store.reading() as session:
            session.execute(text("SELECT 1"))
    except Refused:
        return False
    return True
