"""A case for other systems: FHIR R4 as JSON, DICOM beside DICOM. The page to print is /cases/{id}/report."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from cutis.files import canonical_json
from cutis.serve import cases, trail
from cutis.serve.accounts.who import Asking
from cutis.serve.api.cases import CaseId, Problem
from cutis.serve.kinds import Refused, Who
from cutis.serve.reports.fhir import fhir_bundle
from cutis.serve.reports.material import Material
from cutis.serve.store.tables import Case, Photograph, now
from cutis.serve.workbench import Workbench

router = APIRouter(tags=["reports"])
_PhotographId = Annotated[str, Path(max_length=16, examples=["p0wYcT3n9f3Qx1aB"])]
_REFUSALS: dict[int | str, dict[str, Any]] = {
    403: {"model": Problem, "description": "Hidden until a blind first reading is committed"},
    404: {"model": Problem, "description": "No such case or photograph of this team"},
    409: {"model": Problem, "description": "The photograph didn't come as DICOM, or has no answer"},
    422: {"model": Problem},
}
_FHIR, _DICOM = "application/fhir+json", "application/dicom"
_DICOM_BODY = {"content": {_DICOM: {"schema": {"type": "string", "format": "binary"}}}}
_FHIR_BODY = {
    "content": {
        _FHIR: {
            "schema": {"type": "object"},
            "example": {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {}}]},
        }
    }
}


class Outline(BaseModel):
    """A lesion drawn by a reader: corners (x, y) in pixels of the photograph, from its upper left corner."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"outline": [[210, 160], [390, 170], [310, 330]]}]}
    )
    outline: Annotated[
        list[tuple[Annotated[float, Field(ge=-1e4, le=1e5)], Annotated[float, Field(ge=-1e4, le=1e5)]]],
        Field(min_length=3, max_length=10_000),
    ]


@router.get("/api/cases/{case_id}/report.json", response_class=Response, responses={200: _FHIR_BODY, **_REFUSALS})
def fhir_report(request: Request, who: Asking, case_id: CaseId) -> Response:
    """The case as a FHIR R4 Bundle: DiagnosticReport, Observations, Media, Devices, Provenance; by pseudonym."""
    bench = _bench(request)
    with bench.store.reading() as session:
        made = canonical_json(fhir_bundle(material(session, bench, who, case_id))).encode()
    _exported(bench, who, case_id, "fhir")
    return _file(made, _FHIR, f"{case_id}.fhir.json")


@router.get("/api/cases/{case_id}/sr.dcm", response_class=Response, responses={200: _DICOM_BODY, **_REFUSALS})
def structured_report(
    request: Request,
    who: Asking,
    case_id: CaseId,
    photograph: Annotated[
        str | None, Query(max_length=16, description="Of which photograph; else the first that came as DICOM.")
    ] = None,
) -> Response:
    """What the model said of a photograph, as a DICOM structured report (TID 1500) beside the image."""
    from cutis.serve.reports import dicom

    bench = _bench(request)
    with bench.store.reading() as session:
        found = material(session, bench, who, case_id)
        made = dicom.structured_report(found, _of_case(found.case, photograph))
    _exported(bench, who, case_id, "dicom-sr")
    return _file(made, _DICOM, f"{case_id}.sr.dcm")


@router.post(
    "/api/photographs/{photograph_id}/seg.dcm", response_class=Response, responses={200: _DICOM_BODY, **_REFUSALS}
)
def segmentation(request: Request, who: Asking, photograph_id: _PhotographId, drawn: Outline) -> Response:
    """A lesion's outline as a DICOM Segmentation beside the image. Nothing of it is kept here."""
    from cutis.serve.reports import dicom

    bench = _bench(request)
    with bench.store.reading() as session:
        photograph = cases.photograph(session, who, photograph_id)
        found = Material(photograph.case, {}, bench.words, now())
        made = dicom.segmentation(found, photograph, drawn.outline)
    _exported(bench, who, photograph.case_id, "dicom-seg")
    return _file(made, _DICOM, f"{photograph_id}.seg.dcm")


def material(session: Session, bench: Workbench, who: Who, case_id: str) -> Material:
    """What the reports of a case are made of. Raises Refused: 404, and 403 while the model's answer is hidden."""
    case = cases.find(session, who, case_id)
    if cases.hidden(case, who, bench.settings):
        raise Refused(403, bench.words.t("blind.not_yet", id=case.id))
    served = bench.models.by_digest
    cards = {digest: bundle.card for digest, bundle in served.items()}
    return Material(case, cards, bench.words, now(), {digest: bundle.measured for digest, bundle in served.items()})


def _of_case(case: Case, photograph: str | None) -> Photograph:
    """The photograph of that id, else the first that came as DICOM, else the first."""
    if photograph is None:
        return next((p for p in case.photographs if p.dicom), case.photographs[0])
    found = next((p for p in case.photographs if p.id == photograph), None)
    if found is None:
        raise Refused(404, f"case {case.id} has no such photograph.")
    return found


def _exported(bench: Workbench, who: Who, case_id: str, form: str) -> None:
    """Who took what out is in the trail before it leaves."""
    with bench.store.begin() as session:
        trail.append(session, who.name, "report.exported", case_id, {"form": form})


def _file(data: bytes, kind: str, name: str) -> Response:
    return Response(data, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _bench(request: Request) -> Workbench:
    bench: Workbench = request.app.state.workbench
    return bench
