"""Who is let in when many come: the rule by itself, with a clock of ours; then over real sockets."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from cutis.serve.guard.crowd import Crowd, Guest, Waits, neighbourhood
from cutis.serve.guard.headers import A_YEAR, HEADERS
from cutis.serve.guard.porch import door
from cutis.serve.guard.server import Patient
from cutis.serve.guard.share import Share
from cutis.serve.run import configuration
from cutis.serve.settings import Settings
from cutis.serve.store.engine import Store
from serve.guard.small import people, settings_in, small
from serve.guard.test_start import pair

__all__ = ["pair"]

# The rule.


class Door:
    """A crowd with a clock of ours that notes whom it drops."""

    def __init__(self, most: int, each: int, trusted: tuple[str, ...] = ()) -> None:
        self.time = 0.0
        self.crowd = Crowd(most, each, trusted=trusted, clock=lambda: self.time)
        self.dropped: list[str] = []

    def enter(self, name: str, host: str = "192.0.2.1", waits: Waits = Waits.HEAD) -> Guest | None:
        self.time += 1
        guest = self.crowd.enter(host, lambda: self.dropped.append(name))
        if guest is not None:
            self.crowd.now(guest, waits)
        return guest


def test_who_says_nothing_goes_first_and_the_longest_silent_of_them() -> None:
    door = Door(most=100, each=5)
    for name, waits in [
        ("busy", Waits.SERVER),
        ("unread", Waits.READER),
        ("slow", Waits.BODY),
        ("between", Waits.NEXT),
        ("half a head", Waits.HEAD),
    ]:
        assert door.enter(name, waits=waits)
    for name in ("a", "b", "c", "d", "e"):
        assert door.enter(name, waits=Waits.SERVER) is (None if name == "e" else door.crowd and _last(door))
    assert door.dropped == ["half a head", "between", "slow", "unread"]
    assert len(door.crowd) == 5


def _last(door: Door) -> Guest:
    return list(door.crowd._guests)[-1]


def test_of_bodies_the_slowest_goes() -> None:
    door = Door(most=100, each=3)
    for name, received in (("quick", 5_000_000), ("drips", 20), ("steady", 90_000)):
        guest = door.enter(name, waits=Waits.BODY)
        assert guest is not None
        guest.received = received
    door.time += 10
    assert door.enter("new")
    assert door.dropped == ["drips"]


def test_one_address_takes_nothing_from_others() -> None:
    door = Door(most=10, each=4)
    for i in range(50):
        door.enter(f"flood {i}", "198.51.100.9")
    assert len(door.crowd) == 4
    for i in range(6):
        assert door.enter(f"other {i}", f"192.0.2.{i}")
    assert not any(name.startswith("other") for name in door.dropped)
    assert door.enter("seventh", "192.0.2.7")  # all is full: the oldest half head is dropped, which is the flood's
    assert door.dropped[-1].startswith("flood")


def test_a_proxy_is_many_people() -> None:
    door = Door(most=10, each=2, trusted=("127.0.0.1",))
    for i in range(10):
        assert door.enter(f"{i}", "127.0.0.1", Waits.SERVER)
    assert door.dropped == []
    assert door.enter("no room", "127.0.0.1") is None  # all are worked on
    assert Door(9, 1, ("*",)).enter("a", "192.0.2.1")


def test_an_address_of_ipv6_is_a_network() -> None:
    door = Door(most=100, each=2)
    for i in range(5):
        door.enter(f"{i}", f"2001:db8::{i:x}")
    assert len(door.crowd) == 2
    assert neighbourhood("2001:db8::5") == "2001:db8::/64"
    assert neighbourhood("") == ""


@pytest.mark.parametrize("seed", range(5))
def test_the_counts_hold_whatever_happens(seed: int) -> None:
    rng, door, inside = random.Random(seed), Door(most=20, each=6), []
    for i in range(2000):
        if rng.random() < 0.6:
            guest = door.enter(f"{i}", f"192.0.2.{rng.randrange(8)}", rng.choice(list(Waits)))
            inside += [guest] if guest else []
        elif inside:
            guest = inside.pop(rng.randrange(len(inside)))
            door.crowd.leave(guest)
            door.crowd.leave(guest)
        assert len(door.crowd) <= 20
        assert all(0 < len(own) <= 6 for own in door.crowd._of.values())
        assert sum(len(own) for own in door.crowd._of.values()) == len(door.crowd)


def test_a_share_is_given_back_whole() -> None:
    share = Share(100, 60)
    assert share.take("a", 60)
    assert not share.take("a", 1)
    assert share.take("b", 40)
    assert not share.take("c", 1)
    share.give("a", 60)
    assert share.take("c", 60)
    share.give("b", 40)
    share.give("c", 60)
    assert (share.held, share._of) == (0, {})


# Over sockets.

GET = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
HALF = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "
DRIP = b"POST /api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nContent-Length: 90000\r\n\r\nx"


class Small(Patient):
    crowd = Crowd(most=30, each=20)
    FAREWELL = 0.3


@contextlib.contextmanager
def listening(app: Any, protocol: Any, loop: str = "auto") -> Iterator[int]:
    config = uvicorn.Config(app, port=0, http=protocol, ws="none", loop=loop, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def port(store: Store, tmp_path: Path) -> Iterator[int]:
    with listening(small(settings_in(tmp_path), store), Small) as found:
        yield found


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 10)


def answer_to(made: socket.socket, *parts: bytes) -> bytes:
    """All that comes, until the server closes or has answered a request to /health."""
    got = b""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        for part in parts:
            made.sendall(part)
        while b'"ok"' not in got and (more := made.recv(65536)):
            got += more
    return got


def headers_of(answer: bytes) -> dict[str, str]:
    lines = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def has_safe_headers(answer: bytes) -> bool:
    found = headers_of(answer)
    return {k: found.get(k.lower()) for k in HEADERS} == HEADERS


ENDLESS = {
    "a header's value": [HALF, b"y" * 100_000],
    "many headers": [HALF + b"\r\n", b"X-Y: zzzz\r\n" * 9_000],
    "the address": [b"GET /" + b"y" * 100_000],
    "a header's name": [b"GET / HTTP/1.1\r\nHost: x\r\n", b"y" * 100_000],
    "a head that ends too late": [HALF + b"y" * 70_000 + b"\r\n\r\n"],
}


@pytest.mark.parametrize("what", ENDLESS)
def test_a_head_without_an_end_is_answered_431(port: int, what: str) -> None:
    with connect(port) as made:
        got = answer_to(made, *ENDLESS[what])
        assert got.startswith(b"HTTP/1.1 431")
        assert has_safe_headers(got)
        assert headers_of(got)["connection"] == "close"


def test_a_long_head_behind_a_body(port: int) -> None:
    """It comes in one piece with the body's end, and is whole before it could be cut off."""
    with connect(port) as made:
        made.sendall(DRIP.replace(b"90000", b"2"))
        time.sleep(0.1)
        made.sendall(b"x" + HALF + b"y" * 100_000 + b"\r\n\r\n")
        first, _, second = answer_to(made).partition(b'{"bytes":2}')
        assert first.startswith(b"HTTP/1.1 200")
        assert second.startswith(b"HTTP/1.1 431")
        assert has_safe_headers(second)


def test_a_long_head_that_is_allowed(port: int) -> None:
    with connect(port) as made:
        assert answer_to(made, HALF + b"y" * 60_000 + b"\r\n\r\n").startswith(b"HTTP/1.1 200")
        assert answer_to(made, *[HALF + b"y" * 30_000, b"z" * 30_000 + b"\r\n\r\n"]).startswith(b"HTTP/1.1 200")


CHUNKED = DRIP.replace(b"Content-Length: 90000\r\n\r\nx", b"Transfer-Encoding: chunked\r\n\r\n")


@pytest.mark.parametrize(
    "endless",
    [b"0\r\n" + b"X-Y: zzzz\r\n" * 40_000, b"0\r\nX: " + b"y" * 400_000, b"5;" + b"x" * 400_000],
    ids=["trailers", "a trailer", "a chunk's extension"],
)
def test_what_is_not_a_body_has_an_end_too(port: int, endless: bytes) -> None:
    """Behind the head: it is held by nobody, and the connection ends."""
    with connect(port) as made:
        began = time.monotonic()
        answer_to(made, CHUNKED, *[endless[i : i + 50_000] for i in range(0, len(endless), 50_000)])
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "sent",
    [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nA B: c\r\n\r\n"],
)
def test_what_is_no_request_is_answered_400_with_every_header(port: int, sent: bytes) -> None:
    with connect(port) as made:
        got = answer_to(made, sent)
    assert got.startswith(b"HTTP/1.1 400")
    assert has_safe_headers(got)
    assert headers_of(got)["cache-control"] == "no-store"


@pytest.mark.parametrize("waiting", [b"", HALF, DRIP], ids=["silent", "half heads", "slow bodies"])
def test_a_flood_from_ones_own_address_keeps_nobody_out(port: int, waiting: bytes) -> None:
    with contextlib.ExitStack() as crowd:
        flood = [crowd.enter_context(connect(port)) for _ in range(60)]
        for one in flood:
            with contextlib.suppress(ConnectionError):
                one.sendall(waiting)
        for _ in range(10):
            began = time.monotonic()
            with connect(port) as made:
                assert answer_to(made, GET).startswith(b"HTTP/1.1 200")
            assert time.monotonic() - began < 2
        assert len(Small.crowd) <= 20


def test_all_busy_is_answered_503_with_every_header(store: Store, tmp_path: Path) -> None:
    """A connection in which the server works is dropped for nobody."""
    app = small(settings_in(tmp_path), store)
    hold = threading.Event()

    @app.get("/api/waits")
    def waits() -> str:
        hold.wait(10)
        return "ok"

    class Two(Patient):
        crowd = Crowd(most=2, each=2)

    with listening(app, Two) as port, contextlib.ExitStack() as crowd:
        busy = [crowd.enter_context(connect(port)) for _ in range(2)]
        for one in busy:
            one.sendall(GET.replace(b"/health", b"/api/waits"))
        while any(guest.waits is not Waits.SERVER for guest in Two.crowd._guests) or len(Two.crowd) < 2:
            time.sleep(0.01)
        with connect(port) as late:
            got = answer_to(late, GET)
        hold.set()
        assert got.startswith(b"HTTP/1.1 503")
        assert has_safe_headers(got)
        assert headers_of(got)["retry-after"] == "5"
        assert all(answer_to(one).startswith(b"HTTP/1.1 200") for one in busy)


# Over TLS, whose handshake comes before anything that can be read.


@pytest.fixture
def secured(store: Store, tmp_path: Path, pair: tuple[Path, Path]) -> Iterator[tuple[int, Callable[[], socket.socket]]]:
    """(the port, a function that connects and shakes hands)."""
    people(store)
    settings: Settings = settings_in(tmp_path, accounts=True, tls=pair)
    assert configuration(settings).loop == "asyncio"
    trusting = ssl.create_default_context(cafile=str(pair[0]))
    protocol: Any = door(settings)
    with listening(small(settings, store), protocol, "asyncio") as port:
        yield port, lambda: trusting.wrap_socket(connect(port), server_hostname="localhost")


def test_requests_over_tls(secured: tuple[int, Callable[[], socket.socket]]) -> None:
    _, shaken = secured
    with shaken() as made:
        for _ in range(3):
            got = answer_to(made, GET)
            assert got.startswith(b"HTTP/1.1 200")
            assert has_safe_headers(got)
            assert headers_of(got)["strict-transport-security"] == A_YEAR
    with shaken() as made:
        got = answer_to(made, HALF + b"y" * 100_000)
        assert got.startswith(b"HTTP/1.1 431")
        assert headers_of(got)["strict-transport-security"] == A_YEAR


def test_who_never_shakes_hands_keeps_nobody_out(secured: tuple[int, Callable[[], socket.socket]]) -> None:
    port, shaken = secured
    with contextlib.ExitStack() as crowd:
        flood = [crowd.enter_context(connect(port)) for _ in range(210)]
        for one in flood[:5]:
            one.sendall(b"\x16\x03\x01\x02")  # a handshake's beginning
        for one in flood[5:8]:
            one.sendall(b"GET / HTTP/1.1\r\n\r\n")  # and what is none
        with shaken() as made:
            assert answer_to(made, GET).startswith(b"HTTP/1.1 200")
