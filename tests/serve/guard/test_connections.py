"""Clients that dawdle, against a real server on a real socket."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
import uvicorn
from fastapi import FastAPI

from cutis.serve.guard import limits
from cutis.serve.guard.logs import log_config
from cutis.serve.guard.server import Patient
from cutis.serve.store.engine import Store
from serve.guard.small import settings_in, small


class Hurried(Patient):
    HEAD = 0.4
    READER = 0.4


@pytest.fixture
def port(store: Store, tmp_path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(limits.Bodies.__init__, "__defaults__", (0.4, 2000.0))
    app: FastAPI = small(settings_in(tmp_path), store)
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=Hurried, ws="none", log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def connect(port: int, buffer: int | None = None) -> socket.socket:
    made = socket.socket()
    if buffer:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    made.settimeout(8)
    made.connect(("127.0.0.1", port))
    return made


def rest(open_socket: socket.socket) -> bytes:
    """All that comes until the server closes."""
    got = b""
    try:
        while part := open_socket.recv(65536):
            got += part
    except ConnectionResetError:
        pass
    return got


GET = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def drip(port: int, text: bytes, pause: float, first: bytes = b"") -> tuple[float, bytes]:
    """Send byte by byte until the server has enough: how long it took, and what it said."""
    with closing(connect(port)) as made:
        made.sendall(first)
        began = time.monotonic()
        try:
            for i in range(len(text)):
                made.sendall(text[i : i + 1])
                time.sleep(pause)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return time.monotonic() - began, rest(made)


def test_a_connection_that_says_nothing_is_closed(port: int) -> None:
    with closing(connect(port)) as silent:
        began = time.monotonic()
        assert rest(silent) == b""
        assert 0.2 < time.monotonic() - began < 4


def test_a_head_that_drips_is_cut_off(port: int) -> None:
    took, said = drip(port, b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"y" * 400, 0.02)
    assert said == b""
    assert took < 5


def test_a_second_head_on_a_kept_connection_too(port: int) -> None:
    took, said = drip(port, b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"y" * 400, 0.02, first=GET)
    assert said.count(b"HTTP/1.1 200") == 1
    assert took < 5


def test_a_body_that_drips_is_answered_408(port: int) -> None:
    head = b"POST /api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nContent-Length: 5000\r\n\r\n"
    with closing(connect(port)) as slow:
        slow.sendall(head + b"x")
        said = rest(slow)
    assert said.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in said.lower()


def test_too_large_a_body_hears_its_answer(port: int) -> None:
    """The server reads on for a moment: one that only closed would reset the connection before the answer is read."""
    head = b"POST /api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/x\r\nContent-Length: 3000000\r\n\r\n"
    with closing(connect(port)) as large:
        large.sendall(head + bytes(3_000_000))
        assert rest(large).startswith(b"HTTP/1.1 413")


def test_an_answer_nobody_reads_is_dropped(port: int) -> None:
    with closing(connect(port, buffer=4096)) as deaf:
        deaf.sendall(b"GET /api/large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        time.sleep(1.5)
        assert len(rest(deaf)) < 8_000_000


def test_slow_clients_keep_nobody_else_waiting(port: int) -> None:
    dawdlers = [connect(port) for _ in range(100)]
    for one in dawdlers:
        one.sendall(b"GET / HTTP/1.1\r\nHost: ")
    began = time.monotonic()
    with closing(connect(port)) as quick:
        quick.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert rest(quick).startswith(b"HTTP/1.1 200")
    assert time.monotonic() - began < 2
    for one in dawdlers:
        one.close()


def test_a_quick_reader_gets_all(port: int) -> None:
    with closing(connect(port)) as quick:
        quick.sendall(b"GET /api/large HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        got = rest(quick)
    assert len(got.partition(b"\r\n\r\n")[2]) == 8_000_000


@pytest.mark.parametrize(("ahead", "answered"), [(Patient.BEHIND, Patient.BEHIND + 1), (5000, 0)])
def test_requests_sent_ahead_are_not_held_without_end(port: int, ahead: int, answered: int) -> None:
    """Each takes some kilobytes while it waits: one connection could fill the memory, long before any login."""
    with closing(connect(port)) as client:
        last = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * ahead + last)
        assert rest(client).count(b" 200 OK") == answered


def test_uvicorn_takes_the_log_configuration() -> None:
    import logging.config

    before = logging.getLogger("uvicorn").handlers[:], logging.getLogger("cutis").handlers[:]
    logging.config.dictConfig(log_config())
    assert logging.getLogger("cutis").handlers
    for name, handlers in zip(("uvicorn", "cutis"), before, strict=True):
        logging.getLogger(name).handlers = handlers
        logging.getLogger(name).propagate = True
