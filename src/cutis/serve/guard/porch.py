"""Where TLS is shaken hands on: a connection counts, and may be dropped, before it has said anything that can be read.

The loop's own TLS gives a connection to its protocol after the handshake only; until then, for a minute, nobody knows
of it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection
from pathlib import Path
from typing import Any

from cutis.serve.guard.crowd import Crowd, Guest
from cutis.serve.guard.headers import always
from cutis.serve.guard.server import Patient
from cutis.serve.settings import Settings


class Porch(asyncio.Protocol):
    """Takes a connection, and hands it on as one of `protocol` over TLS. Arguments: uvicorn's."""

    def __init__(self, protocol: type[Patient], context: ssl.SSLContext, **given: Any) -> None:
        self._protocol, self._context, self._given = protocol, context, given
        self._early: list[bytes] = []  # what came together with the end of the handshake
        self._lost: tuple[Exception | None] | None = None
        self._shaking: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        peer = transport.get_extra_info("peername")
        guest = self._protocol.crowd.enter(str(peer[0]) if isinstance(peer, tuple) else "", transport.abort)
        if guest is None:
            transport.abort()
        else:
            transport.pause_reading()  # what comes is for the handshake, which begins in a moment
            self._shaking = asyncio.get_running_loop().create_task(self._shake(transport, guest))

    def data_received(self, data: bytes) -> None:
        self._early.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = (exc,)

    async def _shake(self, transport: asyncio.Transport, guest: Guest) -> None:
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(
                transport, self, self._context, server_side=True, ssl_handshake_timeout=self._protocol.HEAD
            )
        except (OSError, TimeoutError, asyncio.IncompleteReadError):  # SSLError is an OSError
            self._protocol.crowd.leave(guest)
            transport.abort()
            return
        if secured is None or self._lost is not None:
            self._protocol.crowd.leave(guest)
            return
        made = self._protocol(**self._given)
        made.guest = guest
        secured.set_protocol(made)
        made.connection_made(secured)
        for data in self._early:
            made.data_received(data)


def door(settings: Settings, trusted: Collection[str] = ()) -> type[asyncio.Protocol]:
    """The protocol of a server with a crowd of its own, for uvicorn's `http`; with TLS if the settings have it.

    trusted: addresses of the proxies in front.
    """
    inner = type("Served", (Patient,), {"crowd": Crowd(trusted=trusted), "safe": always(settings.secure)})
    if settings.tls is None:
        return inner
    context = context_of(*settings.tls)

    class Secured(Porch):
        def __init__(self, **given: Any) -> None:
            super().__init__(inner, context, **given)

    return Secured


def context_of(certificate: Path, key: Path) -> ssl.SSLContext:
    """Of a server with this certificate and key, two PEM files: TLS 1.2 and later."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate, key)
    return made
