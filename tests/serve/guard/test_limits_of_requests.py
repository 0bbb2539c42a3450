"""How much a body may hold and how slowly it may come, counted as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from cutis.errors import CutisError
from cutis.serve.guard.limits import FORM, LOGIN, PICTURES, Bodies
from cutis.serve.guard.share import AtOnce, Share
from cutis.serve.kinds import Who
from cutis.serve.settings import Settings
from cutis.serve.store.engine import Store
from serve.guard.small import browser, log_in, settings_in, small

MOST = 1000


@pytest.fixture
def tight(store: Store, tmp_path: Path) -> TestClient:
    return browser(small(settings_in(tmp_path, max_bytes=MOST), store))


def raw(client: TestClient, n: int, kind: str = "image/jpeg", streamed: bool = False) -> int:
    body = (b"x" * min(400_000, n - i) for i in range(0, n, 400_000)) if streamed else b"x" * n
    return client.post("/api/upload", content=body, headers={"Content-Type": kind}).status_code


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("kind", ["image/jpeg", "application/dicom", "application/octet-stream"])
def test_one_picture(tight: TestClient, kind: str, streamed: bool) -> None:
    assert raw(tight, MOST, kind, streamed) == 200
    assert raw(tight, MOST + 1, kind, streamed) == 413


@pytest.mark.parametrize("streamed", [False, True])
def test_several_in_a_multipart_and_forms(tight: TestClient, streamed: bool) -> None:
    together = PICTURES * MOST + FORM
    assert raw(tight, together, "multipart/related; boundary=x", streamed) == 200
    assert raw(tight, together + 1, "multipart/related; boundary=x", streamed) == 413
    for kind in ("application/json", "application/x-www-form-urlencoded", ""):
        assert raw(tight, FORM, kind, streamed) != 413
        assert raw(tight, FORM + 1, kind, streamed) == 413


def test_a_content_length_that_lies_is_not_believed(app: FastAPI) -> None:
    """Too small a number: the bytes are counted all the same."""
    sent, _ = asyncio.run(_through(reading, [b"x" * 600] * 3, {"content-length": "10", "content-type": "image/png"}))
    assert sent[0]["status"] == 413


def test_nobody_uploads_without_a_login(client: TestClient) -> None:
    """What is not let in is not read either: its body is not parsed, nor kept on the disk."""
    assert raw(client, 5_000_000, "multipart/form-data; boundary=x") == 401
    assert client.post("/login", files={"name": b"x" * (FORM + 1)}).status_code == 413
    log_in(client, "reader-a")
    assert raw(client, 5_000_000, "image/png") == 200


# At the level of ASGI, where the clock is ours.


async def reading(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


async def swallowing(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that takes any failure to read for a bad request, as FastAPI does."""
    try:
        body = await Request(scope, receive).body()
    except Exception:
        body = b"could not parse"
    await PlainTextResponse(body.decode(), 400)(scope, receive, send)


async def _through(
    inner: Callable[..., object],
    chunks: list[bytes],
    headers: dict[str, str],
    pause: float = 0.0,
    grace: float = 0.2,
    pace: float = 1e9,
) -> tuple[list[Message], int]:
    """What was sent, and how many chunks were asked for."""
    outer = FastAPI()
    outer.add_exception_handler(CutisError, lambda _, e: PlainTextResponse(str(e), getattr(e, "status", 422)))
    settings = Settings((), "sqlite://", Path(), max_bytes=MOST)
    sent: list[Message] = []
    asked = 0

    async def receive() -> Message:
        nonlocal asked
        if asked == len(chunks):
            await asyncio.sleep(30)
        await asyncio.sleep(pause)
        asked += 1
        return {"type": "http.request", "body": chunks[asked - 1], "more_body": asked < len(chunks)}

    async def send(message: Message) -> None:
        sent.append(message)

    await Bodies(inner, settings, grace=grace, pace=pace)(asking(outer, headers), receive, send)  # type: ignore[arg-type]
    return sent, asked


def asking(outer: FastAPI, headers: dict[str, str], account: int | None = 1) -> Scope:
    return {
        "type": "http",
        "method": "POST",
        "path": "/api/x",
        "query_string": b"",
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        "app": outer,
        "client": ("192.0.2.1", 1),
        "state": {"who": None if account is None else Who(account, "a", "reader", "t")},
    }


PNG = {"content-type": "image/png", "transfer-encoding": "chunked"}


@pytest.mark.parametrize("inner", [reading, swallowing])
def test_a_slow_body_is_given_up(inner: Callable[..., object]) -> None:
    sent, asked = asyncio.run(_through(inner, [b"x"] * 500, PNG, pause=0.02, grace=0.1, pace=1000))
    assert sent[0]["status"] == 408
    assert dict(sent[0]["headers"])[b"connection"] == b"close"
    assert b"too slowly" in sent[1]["body"]
    assert len(sent) == 2
    assert asked < 500


@pytest.mark.parametrize("inner", [reading, swallowing])
def test_a_large_one_too(inner: Callable[..., object]) -> None:
    sent, _ = asyncio.run(_through(inner, [b"x" * 400] * 5, PNG))
    assert [m.get("status") for m in sent] == [413, None]


def test_a_steady_pace_goes_on_as_long_as_it_needs() -> None:
    """Longer than the grace in all; each chunk earns its time."""
    sent, _ = asyncio.run(_through(reading, [b"x" * 50] * 20, PNG, pause=0.02, grace=0.1, pace=1000))
    assert (sent[0]["status"], sent[1]["body"]) == (200, b"1000")


def test_a_busy_server_makes_no_client_slow() -> None:
    async def busy(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await asyncio.sleep(0.4)
        await receive()
        await PlainTextResponse("ok")(scope, receive, send)

    sent, _ = asyncio.run(_through(busy, [b"x", b"y"], PNG, grace=0.1))
    assert sent[0]["status"] == 200


def test_waiting_for_the_client_to_go_has_no_limit() -> None:
    """The application may listen for a disconnect after the body, for as long as its answer takes."""

    async def listening(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive(), 0.4)
        await PlainTextResponse("ok")(scope, receive, send)

    sent, _ = asyncio.run(_through(listening, [b"x"], PNG, grace=0.1))
    assert sent[0]["status"] == 200


# What all bodies together may take.


class Together:
    """Requests at one `Bodies`, whose application answers when it is told to."""

    def __init__(self, most: int, each: int) -> None:
        self.outer = FastAPI()
        self.outer.add_exception_handler(
            CutisError, lambda _, e: PlainTextResponse(str(e), getattr(e, "status", 422), _wait(e))
        )
        settings = Settings((), "sqlite://", Path(), max_bytes=MOST, accounts=True)
        self.bodies = Bodies(self._inner, settings)
        self.bodies.share = Share(most, each)
        self.go = asyncio.Event()
        self.read = 0

    async def _inner(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        await self.go.wait()
        await PlainTextResponse(str(len(body)))(scope, receive, send)

    async def ask(
        self, size: int, account: int | None = 1, stated: bool = True, kind: str = "image/png"
    ) -> list[Message]:
        headers = {"content-type": kind, **({"content-length": str(size)} if stated else PNG)}
        left, sent = size, []

        async def receive() -> Message:
            nonlocal left
            self.read += min(left, 100)
            left -= min(left, 100)
            return {"type": "http.request", "body": b"x" * min(100, size), "more_body": left > 0}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.bodies(asking(self.outer, headers, account), receive, send)
        return sent


def _wait(error: CutisError) -> dict[str, str]:
    return {"Retry-After": str(getattr(error, "retry_after", None))}


def test_bodies_that_find_no_room_are_refused_before_they_are_read() -> None:
    async def done() -> None:
        all_ = Together(most=1000, each=1000)
        first = [asyncio.create_task(all_.ask(400, account)) for account in (1, 2)]
        await asyncio.sleep(0.05)
        read = all_.read
        refused = await all_.ask(300, 3)
        assert refused[0]["status"] == 429
        assert dict(refused[0]["headers"])[b"retry-after"] == b"5"
        assert all_.read - read == 300  # thrown away, so that the sender hears the answer
        all_.go.set()
        assert [sent[0]["status"] for sent in await asyncio.gather(*first)] == [200, 200]
        assert all_.bodies.share.held == 0
        assert (await all_.ask(300, 3))[0]["status"] == 200  # there is room again

    asyncio.run(done())


def test_a_body_of_no_stated_length_counts_as_it_comes() -> None:
    async def done() -> None:
        all_ = Together(most=1000, each=1000)
        first = asyncio.create_task(all_.ask(900, 1, stated=False))
        await asyncio.sleep(0.05)
        assert all_.bodies.share.held == 900
        sent = await all_.ask(300, 2, stated=False)
        assert sent[0]["status"] == 429
        assert all_.bodies.share.held == 900
        all_.go.set()
        assert (await first)[0]["status"] == 200

    asyncio.run(done())


def test_one_account_leaves_room_for_others_and_nobody_takes_little() -> None:
    async def done() -> None:
        all_ = Together(most=1000, each=500)
        first = asyncio.create_task(all_.ask(500, 1))
        await asyncio.sleep(0.05)
        assert (await all_.ask(100, 1))[0]["status"] == 429
        all_.go.set()
        assert (await all_.ask(500, 2))[0]["status"] == 200
        await first

    asyncio.run(done())


def test_room_is_given_back_whatever_happens(app: FastAPI) -> None:
    async def done() -> None:
        all_ = Together(most=1000, each=1000)
        task = asyncio.create_task(all_.ask(400))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        all_.go.set()
        assert (await all_.ask(2_000_000, None, kind="text/x"))[0]["status"] == 413
        assert (await all_.ask(LOGIN, None, kind="text/x"))[0]["status"] == 429
        assert (await all_.ask(LOGIN, None, stated=False, kind="text/x"))[0]["status"] == 429
        all_.bodies.share = Share(10 * FORM, 10 * FORM)
        assert (await all_.ask(LOGIN, None, stated=False, kind="text/x"))[0]["status"] == 200
        assert (await all_.ask(LOGIN + 100, None, stated=False, kind="text/x"))[0]["status"] == 413
        assert all_.bodies.share.held == 0

    asyncio.run(done())


def test_the_largest_upload_that_is_taken_finds_room(store: Store, tmp_path: Path) -> None:
    for accounts in (False, True):
        settings = settings_in(tmp_path, max_bytes=400_000_000, max_in_flight=1, accounts=accounts)
        assert Bodies(reading, settings).share.each >= PICTURES * 400_000_000 + FORM  # type: ignore[arg-type]


def test_requests_at_once_from_one_address() -> None:
    async def done() -> None:
        hold = asyncio.Event()

        async def inner(scope: Scope, receive: Receive, send: Send) -> None:
            await hold.wait()
            await PlainTextResponse("ok")(scope, receive, send)

        outer = FastAPI()
        outer.add_exception_handler(CutisError, lambda _, e: PlainTextResponse(str(e), getattr(e, "status", 422)))
        guarded = AtOnce(inner, each=3)
        sent: list[tuple[str, Message]] = []

        async def ask(host: str, path: str = "/api/x") -> None:
            async def send(message: Message) -> None:
                sent.append((host, message))

            scope = asking(outer, {}) | {"client": (host, 1), "path": path}
            await guarded(scope, asyncio.Queue().get, send)

        first = [asyncio.create_task(ask("192.0.2.1")) for _ in range(3)]
        await asyncio.sleep(0.01)
        await ask("192.0.2.1")
        assert [m.get("status") for _, m in sent] == [429, None]
        sent.clear()
        others = [asyncio.create_task(ask("192.0.2.2")), asyncio.create_task(ask("192.0.2.1", "/health"))]
        await asyncio.sleep(0.01)
        hold.set()
        await asyncio.gather(*first, *others)
        assert [m["status"] for _, m in sent if "status" in m] == [200] * 5

    asyncio.run(done())
