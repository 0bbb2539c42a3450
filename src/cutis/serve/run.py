"""`cutis serve`: the settings checked, the socket taken, the server run until it is told to stop."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import uvicorn

from cutis.errors import CutisError
from cutis.serve.app import create_app
from cutis.serve.guard.logs import log_config
from cutis.serve.guard.porch import door
from cutis.serve.guard.start import check
from cutis.serve.settings import Settings
from cutis.serve.store.pictures import make_private

KEEP_SECONDS, FAREWELL_SECONDS = 20, 10
_FILES = 4096


def run(settings: Settings, folder: Path, say: Callable[[str], None]) -> None:
    """Serve until interrupted. `folder` is made, for its owner only. Raises CutisError for settings that aren't safe,
    a port that is taken, a bundle or store that can't be opened."""
    check(settings)
    try:
        make_private(folder)
    except OSError as error:
        raise CutisError(f"--folder {folder}: {(error.strerror or 'cannot be made').lower()}.") from None
    taken = take_port(settings.host, settings.port)
    _allow_files()
    config = configuration(settings)
    server = _Server(config)
    address = f"{'https' if settings.tls else 'http'}://{_shown(settings.host)}:{taken.getsockname()[1]}/"
    try:
        say(f"workbench: {address} (Ctrl-C to stop)")
        with suppress(SystemExit):  # uvicorn's word for a start that failed
            server.run(sockets=[taken])
    finally:
        taken.close()
    if not server.started:
        told = CutisError("the workbench did not start; the line above says why.")
        raise getattr(getattr(config.app, "state", None), "refusal", told)


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.freeze()  # what is there now stays: collections needn't look through it
        gc.enable()


def configuration(settings: Settings) -> uvicorn.Config:
    """How uvicorn runs the workbench: nobody named in its log, bounded waiting, a proxy believed only if stated."""
    trusted = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1") if settings.proxy else ""
    return uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        http=door(settings, [host.strip() for host in trusted.split(",") if host.strip()]),
        loop="asyncio" if settings.tls else "auto",  # uvloop's start_tls stalls on a handshake that is dropped
        ws="none",
        access_log=False,
        log_config=log_config(),
        log_level="warning",
        server_header=False,
        timeout_keep_alive=KEEP_SECONDS,
        timeout_graceful_shutdown=FAREWELL_SECONDS,
        proxy_headers=settings.proxy,
        forwarded_allow_ips=trusted,
    )


def take_port(host: str, port: int) -> socket.socket:
    """The listening socket, before anything slow is opened. Raises CutisError if it can't be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        taken = socket.socket(family, kind, protocol)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
        taken.listen()  # whoever comes while bundles are opened waits, and isn't turned away
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CutisError(
            f"--host {host} --port {port}: {reason.lower()}. Another --port, or 0 for a free one."
        ) from None
    return taken


def _allow_files() -> None:
    """As many open files as `guard.crowd` lets connections in, and some; where the system's limit can be raised."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
