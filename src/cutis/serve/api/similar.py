"""What lies beside an answer: similar confirmed cases, and where in the picture the answer comes from."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from cutis.errors import nearest
from cutis.explain.layer import layer
from cutis.explain.occlusion import covered, sensitivity
from cutis.files import sha256_text
from cutis.image.decode import read_bytes
from cutis.serve import cases
from cutis.serve.accounts.who import Asking
from cutis.serve.api.cases import Problem
from cutis.serve.inference.gone import while_there
from cutis.serve.kinds import Neighbour, Refused, Said, Seen, Who
from cutis.serve.similar import Similar
from cutis.serve.store.tables import Case, Photograph
from cutis.serve.workbench import Workbench

router = APIRouter(tags=["beside an answer"])
_BEST = {"dermoscopy": 0, "close-up": 1, "overview": 2}  # which of a case's photographs is compared
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "No login"},
    403: {"model": Problem, "description": "Hidden until a blind first reading is committed"},
    404: {"model": Problem, "description": "No such case or photograph of this team"},
    503: {"model": Problem, "description": "Too busy; see Retry-After"},
}


class SimilarCases(BaseModel):
    """state: "ready"; "building", then done and of say how far it is; "failed", for `reason`; "none" if no dataset is
    attached. near: most alike first, one a lesion, never of the same patient."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "state": "ready",
                    "done": 10015,
                    "of": 10015,
                    "near": [
                        {
                            "image_id": "ISIC_0024310",
                            "image": "9f86d081884c7d659a2feaa0",
                            "lesion_id": "HAM_0003521",
                            "diagnosis": "mel",
                            "name": "Melanoma, NOS",
                            "likeness": 0.93,
                            "confirmed_by": "histopathology",
                            "licence": "CC BY-NC 4.0",
                            "attribution": "HAM10000, ViDIR Group, Medical University of Vienna",
                        }
                    ],
                }
            ]
        }
    )
    state: Literal["ready", "building", "failed", "none"]
    done: int = 0
    of: int = 0
    reason: str | None = None
    near: list[Neighbour] = []


@router.get("/api/cases/{id}/similar", responses=_PROBLEMS, summary="Confirmed cases that look alike to the model")
async def similar(
    request: Request,
    who: Asking,
    id: str,  # noqa: A002
    photograph: Annotated[str | None, Query(description="Of the case; its dermoscopy if not given.")] = None,
    most: Annotated[int, Query(ge=1, le=24)] = 6,
) -> SimilarCases:
    """Of the attached dataset; hidden until a blind first reading is committed."""
    return await while_there(request, similar_to(request.app.state.workbench, who, id, photograph, most))


async def similar_to(
    bench: Workbench, who: Who, case_id: str, photograph_id: str | None = None, most: int = 6
) -> SimilarCases:
    """The answer of `GET /api/cases/{id}/similar`. Raises Refused: 404, or 403 before a blind reading."""
    asked = await run_in_threadpool(_asked, bench, who, case_id, photograph_id)
    search = bench.similar
    if search is None:
        return SimilarCases(state="none")
    if not search.built:
        state: Literal["failed", "building"] = "failed" if search.failed else "building"
        return SimilarCases(state=state, done=search.done, of=search.of, reason=search.failed)
    _, said = await _answered(bench, who, asked.digest, bench.models.first.digest)
    hashes = await asyncio.gather(*(_hashes(bench, who, digest) for digest in asked.patients_pictures))
    near = await run_in_threadpool(_look_for, search, asked, said, np.array(hashes, np.uint64), most)
    return SimilarCases(state="ready", done=search.of, of=search.of, near=near)


@router.get(
    "/api/confirmed/{image}/image",
    responses={
        200: {"content": {"image/jpeg": {}}, "description": "The image, its longer side 1,024 pixels at most"},
        404: _PROBLEMS[404],
    },
    response_class=Response,
    summary="An image of a confirmed case",
)
async def confirmed(request: Request, who: Asking, image: str) -> Response:
    """By the `image` of a similar case. Encoded anew, so that nothing but its pixels is shown."""
    bench: Workbench = request.app.state.workbench
    if bench.similar is None:
        raise Refused(404, "no dataset is attached. Start with: cutis serve BUNDLE --data DATASET")
    path = bench.similar.image(image)
    tag = _tag(bench.similar.data.card.digest, image)
    if (known := _known(request, tag)) is not None:
        return known
    data = await bench.intake.shrunk(await run_in_threadpool(read_bytes, path), who.name)
    return Response(data, media_type="image/jpeg", headers=_headers(tag))


@router.get(
    "/api/photographs/{id}/saliency",
    responses={
        200: {"content": {"image/png": {}}, "description": "A layer to lay over the photograph"},
        422: {"model": Problem, "description": "No such class"},
        **_PROBLEMS,
    },
    response_class=Response,
    summary="Which places of a photograph the answer rests on",
)
async def saliency(
    request: Request,
    who: Asking,
    id: str,  # noqa: A002
    code: Annotated[str | None, Query(description="The class to explain; the most probable one if none.")] = None,
) -> Response:
    """Occlusion sensitivity: places are covered with the colour of the skin one by one; where that lowers the log-odds
    of the class, the layer is opaque, the more the lower, fully at a fall of 1. It shows what the model used, not what
    is ill. Hidden until a blind first reading is committed."""
    bench: Workbench = request.app.state.workbench
    picture, digest = await run_in_threadpool(_photograph, bench, who, id)
    bundle = bench.models.bundle(digest)
    if code is not None and code not in bundle.codes:
        raise Refused(422, f'class "{code[:80]}": {nearest(code, bundle.codes)}')
    tag = _tag(picture.digest, bundle.digest, code or "")
    if (known := _known(request, tag)) is not None:
        return known
    making = bench.layers.get(tag, lambda: _layer(bench, who, picture, bundle.digest, code))
    data = await while_there(request, making)
    return Response(data, media_type="image/png", headers=_headers(tag))


async def _layer(bench: Workbench, who: Who, picture: Photograph, bundle: str, code: str | None) -> bytes:
    seen, said = await _answered(bench, who, picture.digest, bundle)
    codes = bench.models.bundle(bundle).codes
    k = codes.index(code or said.predicted or codes[0])
    squares = await run_in_threadpool(lambda: np.concatenate([seen.square[None], covered(seen.square)]))
    p = (await bench.models.probabilities(squares, bundle))[:, k]
    fall = sensitivity(float(p[0]), p[1:], len(seen.square))
    return await run_in_threadpool(layer, fall, picture.width, picture.height)


async def _answered(bench: Workbench, who: Who, digest: str, bundle: str) -> tuple[Seen, Said]:
    """A kept photograph as a bundle sees it, and what the bundle says of it."""
    data = await run_in_threadpool(bench.pictures.read, digest)
    seen = (await bench.intake.take(data, keep=False, whose=who.name)).seen[bundle]
    return seen, await bench.models.answer(seen, bundle)


@dataclass(frozen=True)
class _Asked:
    """digest: of the photograph that is compared. patients_pictures: digests of all that are kept of this patient."""

    digest: str
    patient: str | None
    lesion: str | None
    patients_pictures: list[str]


def _asked(bench: Workbench, who: Who, case_id: str, photograph_id: str | None) -> _Asked:
    with bench.store.reading() as session:
        case = cases.find(session, who, case_id)
        cases.check_shown(case, who, bench.settings, bench.words)
        own = [p for p in case.photographs if photograph_id in (None, p.id)]
        if not own:
            raise Refused(404, "this case has no such photograph.")
        chosen = min(own, key=lambda p: _BEST.get(p.kind, len(_BEST)))
        digests = {p.digest for p in case.photographs}
        if case.patient is not None:
            of_patient = select(Photograph.digest).join(Photograph.case)
            digests |= set(session.scalars(of_patient.where(Case.team == who.team, Case.patient == case.patient)))
        return _Asked(chosen.digest, case.patient, case.lesion, sorted(digests))


def _photograph(bench: Workbench, who: Who, photograph_id: str) -> tuple[Photograph, str | None]:
    """The photograph, and the digest of the bundle that answered it last, if it is still served."""
    with bench.store.reading() as session:
        found = cases.photograph(session, who, photograph_id)
        cases.check_shown(found.case, who, bench.settings, bench.words)
        served = [a.bundle for a in found.answers if a.bundle in bench.models.by_digest]
        return found, served[-1] if served else None


def _look_for(search: Similar, asked: _Asked, said: Said, hashes: np.ndarray, most: int) -> list[Neighbour]:
    assert said.features is not None  # every answer of a model has them
    return search.find(
        said.features,
        patients=[asked.patient] if asked.patient else [],
        lesions=[asked.lesion] if asked.lesion else [],
        digests=asked.patients_pictures,
        hashes=hashes,
        most=most,
    )


async def _hashes(bench: Workbench, who: Who, digest: str) -> tuple[int, ...]:
    async def make() -> tuple[int, ...]:
        return await bench.intake.near_hash(await run_in_threadpool(bench.pictures.read, digest), who.name)

    return await bench.hashes.get(digest, make)


def _tag(*what: str) -> str:
    return f'"{sha256_text(" ".join(what))[:32]}"'


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Cache-Control": "private, no-cache"}


def _known(request: Request, tag: str) -> Response | None:
    """304, if the browser has it already."""
    given = request.headers.get("if-none-match", "")
    return Response(status_code=304, headers=_headers(tag)) if tag in given else None
