"""A running workbench and a real browser, which is skipped, saying so, where none is installed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn

from cutis.serve.run import configuration, take_port
from cutis.serve.settings import Settings


@dataclass
class Live:
    """A workbench that listens, and a client that fills it."""

    url: str
    client: httpx.Client

    def open_case(self, *pictures: bytes, kinds: tuple[str, ...] = (), **known: Any) -> str:
        """A new case's id. known: fields of the form."""
        files = [("pictures", ("picture", data, "image/jpeg")) for data in pictures]
        given = {"kind": list(kinds) or ["dermoscopy"] * len(pictures), **known}
        answer = self.client.post("/api/cases", data=given, files=files)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


@pytest.fixture(scope="session")
def live(settings_in: Callable[..., Settings]) -> Callable[..., contextlib.AbstractContextManager[Live]]:
    """live(folder, **settings): a context in which a workbench listens on a free port."""

    @contextlib.contextmanager
    def run(folder: Path, **changes: Any) -> Iterator[Live]:
        settings = settings_in(folder, **changes)
        taken = take_port("127.0.0.1", 0)
        server = uvicorn.Server(configuration(settings))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server stopped"
                time.sleep(0.02)
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            with httpx.Client(base_url=url, timeout=60) as client:
                yield Live(url, client)
        finally:
            server.should_exit = True
            thread.join(30)
            taken.close()

    return run


@pytest.fixture(scope="session")
def grey(encoded: Callable[..., bytes]) -> bytes:
    """A picture of no skin, which every bundle refuses."""
    noise = np.random.default_rng(0).integers(0, 256, (200, 260, 1), np.uint8)
    return encoded(np.repeat(noise, 3, axis=2))


@pytest.fixture(scope="session")
def bench_page(
    live: Any, tmp_path_factory: pytest.TempPathFactory, photographs: list[bytes], grey: bytes
) -> Iterator[Live]:
    """A workbench with five cases: a red flag, two visits of one lesion, a refusal, and one of two photographs."""
    with live(tmp_path_factory.mktemp("live")) as found:
        found.open_case(photographs[0], age=62, sex="female", site="Posterior trunk", symptoms=["bleeding", "grew"])
        lesion = {"patient": "4711", "lesion": "left-forearm-1", "age": 41, "sex": "male", "site": "Forearm"}
        found.open_case(photographs[1], visit_day=0, **lesion)
        found.open_case(photographs[2], visit_day=180, **lesion)
        found.open_case(grey, note="A picture of nothing")
        found.open_case(photographs[3], photographs[4], kinds=("overview", "dermoscopy"), age=90)
        yield found


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """visit(url, **options of the browser's context) -> a page; what its console complains of fails the test."""
    opened: list[Any] = []
    complaints: list[str] = []

    def go(url: str, **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        page = context.new_page()
        page.set_default_timeout(60_000)  # a busy machine is slow, not wrong
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        opened.append(context)
        page.goto(url)
        return page

    yield go
    for context in opened:
        context.close()
    # A refused request is logged by the browser and by htmx; the tests that cause one look at what the page says of it.
    # A request that a newer one replaced is logged as well.
    refused = ("Failed to load resource", "Response Status Error Code", "htmx:afterRequest", "htmx:sendAbort")
    assert [c for c in complaints if not c.startswith(refused)] == []


@pytest.fixture(scope="module")
def expect(browser: Any) -> Any:
    """Playwright's assertions, which wait."""
    found = pytest.importorskip("playwright.sync_api").expect
    found.set_options(timeout=60_000)
    return found
