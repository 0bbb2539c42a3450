"""Small pictures for lists: made once a photograph, kept in memory only."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from cutis.serve import cases
from cutis.serve.accounts.who import Asking
from cutis.serve.kinds import Who
from cutis.serve.pages.render import bench_of
from cutis.serve.workbench import Workbench

router = APIRouter()


@router.get("/photographs/{photograph_id}/thumbnail")
async def thumbnail(request: Request, who: Asking, photograph_id: Annotated[str, Path(max_length=16)]) -> Response:
    """The photograph's middle, 192 by 144. It never changes, so the browser may keep it."""
    bench = bench_of(request)
    digest = await run_in_threadpool(_digest, bench, who, photograph_id)

    async def make() -> bytes:
        return await bench.intake.thumbnail(await run_in_threadpool(bench.pictures.read, digest), who.name)

    small = await bench.thumbnails.get(digest, make)
    headers = {"Cache-Control": "private, max-age=86400, immutable", "Vary": "Cookie"}
    return Response(small, media_type="image/jpeg", headers=headers)


def _digest(bench: Workbench, who: Who, photograph_id: str) -> str:
    with bench.store.reading() as session:
        return cases.photograph(session, who, photograph_id).digest
