"""The server under the application: connections that may not dawdle, and not too many of them."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

CONNECTIONS = 1000


class Patient(HttpToolsProtocol):
    """uvicorn's HTTP, which waits forever for a request's head and for a reader of its answer: here neither may dawdle.

    The pace of a body is `cutis.serve.guard.limits`'s.
    """

    HEAD = 10.0  # seconds from the first byte of a request, or from the connection, to the end of its head
    READER = 30.0  # seconds in which a full buffer (64 KiB) must begin to empty

    _head: asyncio.TimerHandle | None = None
    _reader: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head is None and (self.cycle is None or self.cycle.response_complete):
            self._await_head()  # the next head, or what is left of a body nobody wants

    def on_headers_complete(self) -> None:
        self._stop_timers(head=True)
        super().on_headers_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reader = self.loop.call_later(self.READER, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_timers(reader=True)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timers(head=True, reader=True)
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._head = self.loop.call_later(self.HEAD, self.transport.abort)

    def _stop_timers(self, *, head: bool = False, reader: bool = False) -> None:
        if head and self._head is not None:
            self._head.cancel()
            self._head = None
        if reader and self._reader is not None:
            self._reader.cancel()
            self._reader = None
