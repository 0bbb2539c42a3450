"""The report: one A4 page to print, or to keep as PDF through the browser's print."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse

from cutis.serve.accounts.who import Asking
from cutis.serve.api.reports import material
from cutis.serve.pages.render import bench_of, page
from cutis.serve.reports.page import report as written

router = APIRouter()


@router.get("/cases/{case_id}/report")
def report(request: Request, who: Asking, case_id: Annotated[str, Path(max_length=16)]) -> HTMLResponse:
    bench = bench_of(request)
    with bench.store.reading() as session:
        found = material(session, bench, who, case_id)
        said = written(found)
    return page(request, "report.html", who, r=said, id=case_id, dicom=any(p.dicom for p in found.case.photographs))
