"""How much a request may bring, and how slowly: counted as it streams, before anything is parsed."""

from __future__ import annotations

import asyncio
import time

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cutis.serve.answer import refuse
from cutis.serve.guard.crowd import neighbourhood
from cutis.serve.guard.share import Share
from cutis.serve.kinds import Refused
from cutis.serve.settings import Settings

PICTURES = 12  # uploads that one request may bring together
FORM = 1_000_000  # bytes of a form, of JSON, and of the fields beside pictures
LOGIN = 64_000  # bytes of a form of somebody who isn't known yet
AGAIN = 5  # seconds after which a body that found no room may come again
GRACE = 15.0  # seconds that a body may take to begin
PACE = 8_000  # bytes a second that it must bring after that: less than the slowest phone


class Bodies:
    """ASGI: 413 for a body that is too large, by its Content-Length or as it comes; 408 for one that is too slow; 429
    where the bodies of all requests together would take too much memory.

    A body counts as long as it says to be, or as far as it has come, until its request is answered; one whose length is
    stated is refused before any of it is read. One account of several, or one address without one, may have a half of
    what there is. Only the time spent waiting for the client counts as slow: a server that is busy makes no client so.
    """

    def __init__(self, app: ASGIApp, settings: Settings, grace: float = GRACE, pace: float = PACE) -> None:
        self.app = app
        self.settings = settings
        self.grace, self.pace = grace, pace
        self._largest = PICTURES * settings.max_bytes + FORM
        most = max(settings.max_in_flight, 2 * self._largest)  # else the largest that is taken could never come
        self.share = Share(most, most // 2 if settings.accounts else most)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        key = _whose(scope)
        most = self._most(scope, headers.get("content-type", "").partition(";")[0].strip().lower())
        too_large = Refused(413, f"more than {most / 1e6:g} MB in one request. Send fewer or smaller pictures at once.")
        stated = headers.get("content-length", "0")
        if stated.isdecimal() and int(stated) > most:
            return await refuse(scope, receive, send, too_large)
        held = int(stated) if stated.isdecimal() else 0
        if not self.share.take(key, held):
            return await refuse(scope, receive, send, _no_room())

        refused: Refused | None = None
        answered = False
        whole = False
        received, waited = 0, 0.0

        async def counted() -> Message:
            nonlocal refused, whole, received, waited, held
            if whole:  # the application waits to hear that the client has gone, for as long as it likes
                return await receive()
            began = time.monotonic()
            try:
                async with asyncio.timeout(self.grace + received / self.pace - waited):
                    message = await receive()
            except TimeoutError:
                refused = Refused(408, "the upload came too slowly and was given up; nothing was kept. Try again.")
                raise ClientDisconnect from None
            waited += time.monotonic() - began
            received += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if received > most:
                refused = too_large
            elif received > held:  # its length isn't stated, or it lies
                if self.share.take(key, received - held):
                    held = received
                else:
                    refused = _no_room()
            if refused is not None:
                raise ClientDisconnect
            return message

        async def unless_refused(message: Message) -> None:
            nonlocal answered
            if refused is None or answered:
                answered = True
                await send(message)

        try:
            await self.app(scope, counted, unless_refused)
        except ClientDisconnect:
            if refused is None:
                raise
        finally:
            self.share.give(key, held)
        if refused is not None and not answered:
            await refuse(scope, receive, send, refused, read_on=refused.status != 408 and not whole)
        return None

    def _most(self, scope: Scope, content: str) -> int:
        """Pictures only of those who are known; one as a raw body, several in one multipart."""
        if scope.get("state", {}).get("who") is None:
            return LOGIN
        if content.startswith("multipart/"):
            return self._largest
        if content.startswith("image/") or content in ("application/dicom", "application/octet-stream"):
            return self.settings.max_bytes
        return FORM


def _whose(scope: Scope) -> str:
    """An account's; an address's where nobody is known."""
    who = scope.get("state", {}).get("who")
    if who is not None:
        return f"account {who.account_id}"
    client = scope.get("client")
    return neighbourhood(client[0]) if client else ""


def _no_room() -> Refused:
    return Refused(429, f"too many uploads at this moment. Try again in {AGAIN} s.", retry_after=AGAIN)
