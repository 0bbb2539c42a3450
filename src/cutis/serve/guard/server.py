"""The server under the application: connections that may not dawdle, heads that end, and not too many at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import ClassVar

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from cutis.serve.guard.crowd import Crowd, Guest, Waits
from cutis.serve.guard.headers import always

MALFORMED = "this is not a request that HTTP knows."
TOO_LONG = "the request's head has more than 64 KB. Send fewer headers, or a shorter address."
FULL = "too many connections. Try again in a few seconds."


class Patient(HttpToolsProtocol):
    """uvicorn's HTTP, which waits forever for a request's head, holds all of it, and waits forever for a reader of its
    answer: here neither may dawdle, and a head ends.

    The pace of a body is `cutis.serve.guard.limits`'s. crowd: of all connections of the server. safe: headers of the
    answers that are given here, without the application.
    """

    HEAD = 10.0  # seconds from the first byte of a request, or from the connection, to the end of its head
    READER = 30.0  # seconds in which a full buffer (64 KiB) must begin to empty
    LONGEST = 65_536  # bytes of a head; of what comes between two pieces of a body, or after the last
    BEHIND = 16  # requests of a connection that may wait for the answer before them
    FAREWELL = 1.0  # seconds in which a client may read why its connection ends

    crowd: ClassVar[Crowd] = Crowd()
    safe: ClassVar[Mapping[str, str]] = always(secure=False)

    guest: Guest | None = None  # the one who came in through the porch, if there is one
    _head: asyncio.TimerHandle | None = None
    _reader: asyncio.TimerHandle | None = None
    _in_head = True
    _fed = 0  # bytes since the head began, or since the last piece of the body
    _deaf = False  # what still comes is thrown away

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.guest is None:
            self.guest = self.crowd.enter(self.client[0] if self.client else "", transport.abort)
        else:
            self.guest.drop = transport.abort
        if self.guest is None:
            self._end(503, FULL)
        else:
            self._await_head()

    def data_received(self, data: bytes) -> None:
        while data and not self._deaf and not self.transport.is_closing():
            if self._in_head:
                self._wait(Waits.HEAD)
            # No more of a head is parsed, and so held, than it may have.
            room = self.LONGEST + 1 - self._fed if self._in_head else len(data)
            piece, data = data[:room], data[room:]
            self._fed += len(piece)
            super().data_received(piece)
            if self._fed > self.LONGEST and not self._deaf:
                return self._end(431, TOO_LONG)
        if not self._deaf and self._head is None and not self._busy:
            self._await_head()  # the next head, or what is left of a body nobody wants
        return None

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # what trails a body is nobody's
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._deaf or len(self.pipeline) >= self.BEHIND:
            # Each waiting one is held in memory, and uvicorn reads on after each answer; no browser sends any ahead.
            self._deaf = True
            return self.transport.abort()
        self._stop_timers(head=True)
        self._in_head, self._fed = False, 0
        self._wait(Waits.BODY)
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        app = self.app
        if size > self.LONGEST:  # it came in one piece, behind another request
            self.app = self._too_long
        super().on_headers_complete()
        self.app = app
        return None

    def on_body(self, body: bytes) -> None:
        self._fed = 0
        if self.guest is not None:
            self.guest.received += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head, self._fed = True, 0
        self._wait(Waits.SERVER if self._busy else Waits.NEXT)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait(Waits.NEXT)

    def send_400_response(self, msg: str) -> None:
        self._end(400, MALFORMED)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.guest is not None:
            self.crowd.now(self.guest, Waits.READER)
        self._reader = self.loop.call_later(self.READER, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_timers(reader=True)
        self._wait(Waits.SERVER)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timers(head=True, reader=True)
        if self.guest is not None:
            self.crowd.leave(self.guest)
        super().connection_lost(exc)

    @property
    def _busy(self) -> bool:
        """Whether the application is at work on a request of this connection."""
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self, waits: Waits) -> None:
        if self.guest is not None:
            body = waits is Waits.BODY and len(self.pipeline) == 0
            self.crowd.now(self.guest, waits if body or not self._busy else Waits.SERVER)

    def _end(self, status: int, words: str) -> None:
        """Say why, and hear no more. Where an answer is on its way already there is nothing to say."""
        self._stop_timers(head=True)
        self._deaf = True
        if self._busy:
            return self.transport.abort()
        said = json.dumps({"detail": words}).encode()
        headers = {
            **self.safe,
            "Cache-Control": "no-store",
            "Content-Type": "application/json",
            "Content-Length": str(len(said)),
            "Connection": "close",
            **({"Retry-After": "5"} if status == 503 else {}),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.transport.write(STATUS_LINE[status] + lines.encode("latin-1") + b"\r\n" + said)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        # To close with something unread would take the answer back.
        self.loop.call_later(self.FAREWELL, self.transport.abort)
        return None

    async def _too_long(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {**self.safe, "Cache-Control": "no-store", "Connection": "close"}
        answer = JSONResponse({"detail": TOO_LONG}, 431, headers)
        await answer(scope, receive, send)

    def _await_head(self) -> None:
        self._head = self.loop.call_later(self.HEAD, self.transport.abort)

    def _stop_timers(self, *, head: bool = False, reader: bool = False) -> None:
        if head and self._head is not None:
            self._head.cancel()
            self._head = None
        if reader and self._reader is not None:
            self._reader.cancel()
            self._reader = None
