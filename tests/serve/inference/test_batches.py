"""The queue before a model: batches, back-pressure, impatience, clients who leave, pictures that fail."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cutis.bundle.predict import Told
from cutis.serve.inference.batches import MOST, Batches
from cutis.serve.kinds import Refused, Seen

POISON = 13


def picture(n: int) -> Seen:
    return Seen(np.full((4, 4, 3), n, np.uint8), [])


@dataclass
class Slow:
    """Says the picture's own number; takes its time; fails on one number. batches: what it was asked, together."""

    seconds: float = 0.0
    threads: int = 1
    batches: list[list[int]] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)

    @property
    def runtime(self) -> Any:
        return SimpleNamespace(threads=self.threads)

    def told(self, images: np.ndarray, faults: Sequence[Sequence[str]]) -> list[Told]:
        numbers = [int(image[0, 0, 0]) for image in images]
        self.batches.append(numbers)
        time.sleep(self.seconds)
        if POISON in numbers:
            raise RuntimeError("no such number")
        return [Told("ok", None, str(n), [str(n)], {str(n): 1.0}, None, np.zeros(1, np.float32)) for n in numbers]


def within(
    model: Slow, work: Callable[[Batches], Awaitable[Any]], *, most_waiting: int = 256, patience: float = 5.0
) -> Any:
    async def run() -> Any:
        with ThreadPoolExecutor(model.threads) as pool:
            batches = Batches(model, pool, most_waiting=most_waiting, patience=patience)  # type: ignore[arg-type]
            batches.start()
            try:
                return await work(batches)
            finally:
                await batches.stop()

    return asyncio.run(run())


async def ask(batches: Batches, n: int) -> str:
    return (await batches.ask(picture(n))).predicted


@pytest.mark.parametrize("threads", [1, 2])
def test_everyone_gets_their_own_answer_and_work_is_shared(threads: int):
    model = Slow(0.01, threads)
    numbers = [n for n in range(101) if n != POISON]
    found = within(model, lambda b: asyncio.gather(*(ask(b, n) for n in numbers)))
    assert found == [str(n) for n in numbers]
    assert max(map(len, model.batches)) == MOST
    assert len(model.batches) <= len(numbers) // MOST + 2


def test_alone_nobody_waits_for_company():
    model = Slow()

    async def one_by_one(batches: Batches) -> list[str]:
        return [await ask(batches, n) for n in range(5)]

    began = time.perf_counter()
    assert within(model, one_by_one) == list("01234")
    assert model.batches == [[0], [1], [2], [3], [4]]
    assert time.perf_counter() - began < 2


def test_too_many_are_sent_away_and_told_when_to_come_back():
    async def crowd(batches: Batches) -> list[Any]:
        asked = [asyncio.create_task(ask(batches, 0))]
        await asyncio.sleep(0.02)  # the first is being answered; it waits no more
        asked += [asyncio.create_task(ask(batches, n)) for n in range(1, 8)]
        return await asyncio.gather(*asked, return_exceptions=True)

    found = within(Slow(0.2), crowd, most_waiting=5)
    assert found[:6] == list("012345")
    for refused in found[6:]:
        assert isinstance(refused, Refused)
        assert refused.status == 429
        assert refused.retry_after >= 1
        assert f"Try again in {refused.retry_after} s" in str(refused)


def test_patience_ends_and_whoever_ran_out_of_it_has_left_the_queue():
    model = Slow(0.3)

    async def late(batches: Batches) -> tuple[Any, int, str]:
        first = asyncio.create_task(ask(batches, 1))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(ask(batches, 2))
        both = await asyncio.gather(first, second, return_exceptions=True)
        waiting = batches.waiting
        await asyncio.sleep(0.3)
        batches._patience = 5.0
        return both, waiting, await ask(batches, 3)

    both, waiting, after = within(model, late, patience=0.1)
    assert [(e.status, e.retry_after is not None) for e in both] == [(503, True)] * 2
    assert waiting == 0
    assert after == "3"
    assert [2] not in model.batches  # nobody waited for it any more


def test_clients_who_leave_are_not_answered():
    model = Slow(0.1)

    async def leave(batches: Batches) -> str:
        first = asyncio.create_task(ask(batches, 1))
        await asyncio.sleep(0.02)
        gone = [asyncio.create_task(ask(batches, n)) for n in range(2, 9)]
        stays = asyncio.create_task(ask(batches, 9))
        await asyncio.sleep(0)
        for task in gone:
            task.cancel()
        assert await first == "1"
        return await stays

    assert within(model, leave) == "9"
    assert model.batches == [[1], [9]]


def test_a_picture_that_fails_fails_alone(caplog: pytest.LogCaptureFixture):
    async def mixed(batches: Batches) -> list[Any]:
        first = asyncio.create_task(ask(batches, 1))
        await asyncio.sleep(0.02)
        rest = asyncio.gather(*(ask(batches, n) for n in (11, 12, POISON, 14)), return_exceptions=True)
        await first
        return await rest

    found = within(Slow(0.05), mixed)
    assert [f for f in found if isinstance(f, str)] == ["11", "12", "14"]
    assert found[2].status == 500
    assert "RuntimeError" in str(found[2])
    assert "no such number" not in str(found[2])
    assert "no such number" in caplog.text


def test_who_waits_when_the_server_stops_is_told():
    async def stop(batches: Batches) -> Any:
        asked = [asyncio.create_task(ask(batches, n)) for n in (1, 2)]
        await asyncio.sleep(0.02)
        assert batches.alive
        await batches.stop()
        assert not batches.alive
        return await asyncio.gather(*asked, return_exceptions=True)

    for refused in within(Slow(0.1), stop):
        assert refused.status == 503
        assert refused.retry_after
