"""Work for a client that may leave."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from fastapi import Request

from cutis.serve.kinds import Refused


async def while_there[T](request: Request, work: Coroutine[Any, Any, T]) -> T:
    """`work`'s result; it is cancelled when the client hangs up. The request's body must have been read."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise Refused(499, "the client left before its answer.")
    finally:
        for task in (working, leaving):
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
