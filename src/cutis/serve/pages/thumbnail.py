"""Small pictures for lists: made once a photograph, kept in memory only."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

import cv2
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from cutis.image.decode import decode
from cutis.serve import cases
from cutis.serve.accounts.who import Asking
from cutis.serve.pages.render import bench_of
from cutis.serve.store.pictures import Pictures

router = APIRouter()
WIDTH, HEIGHT = 192, 144


@router.get("/photographs/{photograph_id}/thumbnail")
def thumbnail(request: Request, who: Asking, photograph_id: Annotated[str, Path(max_length=16)]) -> Response:
    """The photograph's middle, 192 by 144. It never changes, so the browser may keep it."""
    bench = bench_of(request)
    with bench.store.reading() as session:
        digest = cases.photograph(session, who, photograph_id).digest
    headers = {"Cache-Control": "private, max-age=86400, immutable", "Vary": "Cookie"}
    return Response(_small(bench.pictures, digest), media_type="image/jpeg", headers=headers)


@lru_cache(maxsize=2048)
def _small(pictures: Pictures, digest: str) -> bytes:
    pixels = decode(pictures.read(digest), "the photograph", least=2 * HEIGHT)
    height, width = pixels.shape[:2]
    scale = max(WIDTH / width, HEIGHT / height)
    size = (max(WIDTH, round(width * scale)), max(HEIGHT, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = (size[0] - WIDTH) // 2, (size[1] - HEIGHT) // 2
    cut = cv2.cvtColor(small[top : top + HEIGHT, left : left + WIDTH], cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", cut, [cv2.IMWRITE_JPEG_QUALITY, 82])[1].tobytes()
