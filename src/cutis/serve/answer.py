"""How a guard refuses: in the application's own words and manner, so that a browser hears it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from cutis.errors import CutisError

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MACHINES = ("/api/", "/predict", "/dicomweb/")
_LINGER = 2.0  # seconds that an unwanted body is read on


def wants_page(scope: Scope) -> bool:
    """Whether a person looks at the answer in a browser."""
    return "text/html" in Headers(scope=scope).get("accept", "") and not scope["path"].startswith(_MACHINES)


def has_body(scope: Scope) -> bool:
    """Whether the request says that a body comes with it."""
    headers = Headers(scope=scope)
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


async def refuse(
    scope: Scope,
    receive: Receive,
    send: Send,
    error: CutisError,
    headers: Mapping[str, str] | None = None,
    *,
    read_on: bool = True,
) -> None:
    """Answer with the application's handler of CutisError. A body on its way is thrown away first, unless read_on is
    False: a sender whose connection were only closed would not get to the answer."""

    async def closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            changed = MutableHeaders(scope=message)
            for name, value in (headers or {}).items():
                changed[name] = value
            if has_body(scope):
                changed["Connection"] = "close"
        await send(message)

    if read_on and has_body(scope) and "expect" not in Headers(scope=scope):
        await _throw_away(receive)
    response = await _said(scope, error)
    await response(scope, receive, closing)


async def _said(scope: Scope, error: CutisError):  # type: ignore[no-untyped-def]  # a Response, whichever the app makes
    made = scope["app"].exception_handlers[CutisError](Request(scope), error)
    return await made if asyncio.iscoroutine(made) else made


async def _throw_away(receive: Receive) -> None:
    try:
        async with asyncio.timeout(_LINGER):
            while True:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return
