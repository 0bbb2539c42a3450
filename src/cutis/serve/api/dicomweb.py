"""DICOMweb: studies stored here (STOW-RS) become cases. Source: PS3.18 10.5 and annex I (2024)."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from cutis.serve.accounts.who import Asking
from cutis.serve.cases.facts import header_facts, kind_of
from cutis.serve.cases.forms import CaseForm, checked
from cutis.serve.cases.opening import MOST, answer_and_open
from cutis.serve.intake.dicom import Named, has_no_photograph
from cutis.serve.intake.related import Part, parts_of
from cutis.serve.kinds import Refused, Taken, Who
from cutis.serve.store.tables import Case, Photograph
from cutis.serve.workbench import Workbench

router = APIRouter(prefix="/dicomweb", tags=["DICOMweb"])
_JSON, _DICOM = "application/dicom+json", "application/dicom"
# Failure Reason (0008,1197), table I.2-2; other values of the ranges are an implementation's own.
OUT_OF_RESOURCES, OTHER_STUDY, NOT_UNDERSTOOD, FAILED, CLASS_NOT_SUPPORTED = 0xA700, 0xA901, 0xC000, 0x0110, 0x0122
# Warning Reason (0008,1196): what was stored is de-identified; elements were discarded, here all of an object's.
COERCED, DISCARDED = 0xB000, 0xB006
_REASONS = {413: OUT_OF_RESOURCES, 415: CLASS_NOT_SUPPORTED, 422: NOT_UNDERSTOOD}
_FOR_NOW = (429, 503, 507)


class StoreResponse(BaseModel):
    """A Store Instances Response Module in the DICOM JSON model.

    00081198: failed instances with why (00081197). 00081199: the others, each with a warning (00081196): B000, as what
    is stored is de-identified; B006 for objects that hold no photograph (segmentations, reports, documents), which are
    taken and not kept. 0008119A: failed ones that don't say who they are.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "00081190": {"vr": "UR"},
                    "00081199": {
                        "vr": "SQ",
                        "Value": [
                            {
                                "00081150": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.77.1.4"]},
                                "00081155": {"vr": "UI", "Value": ["1.2.3.4"]},
                                "00081190": {"vr": "UR"},
                                "00081196": {"vr": "US", "Value": [0xB000]},
                            }
                        ],
                    },
                }
            ]
        },
        extra="allow",
    )


@dataclass
class _Instance:
    """One part: by what name its sender knows it, and what became of it: a picture, or why there is none.

    left: an object of the study that holds no photograph; it is not kept.
    """

    name: Named
    taken: Taken | None = None
    failure: int = 0
    left: bool = False


_BODY = {
    "required": True,
    "content": {
        "multipart/related": {"schema": {"type": "string", "format": "binary"}},
        _DICOM: {"schema": {"type": "string", "format": "binary"}},
    },
}
_STORED = {"model": StoreResponse, "content": {_JSON: {"schema": {"$ref": "#/components/schemas/StoreResponse"}}}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: _STORED | {"description": "All instances are stored"},
    202: _STORED | {"description": "Some failed, or hold no photograph and are not kept"},
    400: {"description": "Not the multipart body that the Content-Type says"},
    401: {"description": "No login"},
    406: {"description": "Only application/dicom+json can be answered"},
    409: _STORED | {"description": "None is stored"},
    413: {"description": "Too large"},
    415: {"description": "Not application/dicom"},
    429: {"description": "Too many pictures wait; see Retry-After"},
    503: {"description": "Too busy, or stopping; see Retry-After"},
    507: {"description": "The disk is full"},
}


@router.post("/studies", responses=_ANSWERS, openapi_extra={"requestBody": _BODY}, summary="Store instances (STOW-RS)")
async def store(request: Request, who: Asking) -> Response:
    """Each study becomes a case, or one for each lesion where the files track lesions (0062,0020).

    Instances are de-identified by PS3.15's basic profile before they are kept, so they can't be retrieved as they were
    sent. Several may come in one request, as multipart/related, or one as application/dicom. A study may be sent whole:
    its segmentations, reports and documents are answered with a warning, and not kept.
    """
    return await _store(request, who, "")


@router.post(
    "/studies/{study}",
    responses=_ANSWERS,
    openapi_extra={"requestBody": _BODY},
    summary="Store instances of one study (STOW-RS)",
)
async def store_in_study(request: Request, study: str, who: Asking) -> Response:
    """As `/studies`; instances of another study than that of the path fail."""
    return await _store(request, who, study)


async def _store(request: Request, who: Who, study: str) -> Response:
    bench: Workbench = request.app.state.workbench
    _check_accept(request.headers.get("accept", ""))
    instances = [await _take(bench, who, part, study) async for part in _parts(request, bench.settings.max_bytes)]
    if not instances:
        raise Refused(400, "The body has no parts. Send each DICOM file as one.")
    refused: Refused | None = None
    opened: list[str] = []
    for group in await run_in_threadpool(_cases, bench, who, instances):
        try:
            opened.append(await _open(bench, who, group))
        except Refused as error:
            refused = error
            for instance in group:
                instance.failure = OUT_OF_RESOURCES if error.status in _FOR_NOW else _REASONS.get(error.status, FAILED)
    if not opened and refused is not None and refused.status in _FOR_NOW:
        raise refused
    good = sum(not i.failure for i in instances)
    left = sum(i.left for i in instances)
    status = 409 if not good else 202 if good < len(instances) or left else 200
    headers = {}
    if opened:
        headers["Link"] = ", ".join(f'</api/cases/{case}>; rel="related"' for case in opened)
    if left:
        headers["Warning"] = f'299 cutis "{left} objects hold no photograph and are not kept"'
    return JSONResponse(_answer(instances), status, headers, media_type=_JSON)


async def _parts(request: Request, most: int) -> AsyncIterator[Part]:
    content = request.headers.get("content-type", "")
    kind = content.partition(";")[0].strip().lower()
    if kind == "multipart/related":
        async for part in parts_of(request.stream(), content, most):
            yield part
    elif kind == _DICOM:
        yield Part(kind, bytearray(await request.body()))
    else:
        raise Refused(415, f'A body of the type "{kind[:80]}". Send multipart/related; type="application/dicom".')


async def _take(bench: Workbench, who: Who, part: Part, study: str) -> _Instance:
    if part.data is None:
        return _Instance(Named(), failure=OUT_OF_RESOURCES)
    if part.kind != _DICOM:
        return _Instance(Named(), failure=NOT_UNDERSTOOD)
    name, taken = await bench.intake.take_instance(bytes(part.data), who.name)
    if isinstance(taken, Refused):
        if taken.status in _FOR_NOW:
            raise taken
        if study and name.study and name.study != study:
            return _Instance(name, failure=OTHER_STUDY)
        if taken.status == 415 and name.instance and has_no_photograph(name.sop_class):
            return _Instance(name, left=True)
        return _Instance(name, failure=_REASONS.get(taken.status, FAILED))
    if taken.dicom is None:  # a plain picture that calls itself DICOM
        return _Instance(name, failure=NOT_UNDERSTOOD)
    if study and name.study != study:
        return _Instance(name, failure=OTHER_STUDY)
    return _Instance(name, taken)


def _cases(bench: Workbench, who: Who, instances: list[_Instance]) -> list[list[_Instance]]:
    """The good ones, by study and tracked lesion, no more in one than a case holds; without those that are here
    already: a sender that missed the answer sends again."""
    groups: dict[tuple[str, str], list[_Instance]] = {}
    here = set()
    for instance in instances:
        if instance.taken is not None and instance.taken.dicom is not None:
            facts = instance.taken.dicom
            if facts["instance"] in here or _is_here(bench, who, instance.taken):
                continue
            here.add(facts["instance"])
            groups.setdefault((facts["study"], facts["case"]["lesion"] or ""), []).append(instance)
    return [group[at : at + MOST] for group in groups.values() for at in range(0, len(group), MOST)]


def _is_here(bench: Workbench, who: Who, taken: Taken) -> bool:
    """Whether a case of the team holds this instance, as the same picture."""
    assert taken.dicom is not None
    digest = hashlib.sha256(taken.data).hexdigest()
    same = select(Photograph.dicom).join(Photograph.case).where(Photograph.digest == digest, Case.team == who.team)
    with bench.store.reading() as session:
        held = session.scalars(same).all()
    return any(dicom is not None and dicom["instance"] == taken.dicom["instance"] for dicom in held)


async def _open(bench: Workbench, who: Who, group: list[_Instance]) -> str:
    taken = [i.taken for i in group if i.taken is not None]
    case = await answer_and_open(bench, who, checked(CaseForm, header_facts(taken)), [(kind_of(t), t) for t in taken])
    return case.id


def _check_accept(accept: str) -> None:
    wanted = {part.partition(";")[0].strip().lower() for part in accept.split(",") if part.strip()}
    if wanted and not wanted & {_JSON, "application/json", "application/*", "*/*"}:
        raise Refused(406, f"Only {_JSON} can be answered. Send it as Accept.")


def _answer(instances: list[_Instance]) -> dict[str, Any]:
    answer: dict[str, Any] = {"00081190": {"vr": "UR"}}  # nothing can be retrieved here
    for instance in instances:
        named = instance.name.instance and instance.name.sop_class
        sequence = "00081199" if not instance.failure else "00081198" if named else "0008119A"
        item: dict[str, Any] = {}
        if named:
            item["00081150"] = {"vr": "UI", "Value": [instance.name.sop_class]}
            item["00081155"] = {"vr": "UI", "Value": [instance.name.instance]}
        if instance.failure:
            item["00081197"] = {"vr": "US", "Value": [instance.failure]}
        else:
            item["00081190"] = {"vr": "UR"}
            item["00081196"] = {"vr": "US", "Value": [DISCARDED if instance.left else COERCED]}
        answer.setdefault(sequence, {"vr": "SQ", "Value": []})["Value"].append(item)
    return answer
