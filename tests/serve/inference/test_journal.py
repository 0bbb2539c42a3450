"""Entries of many requests in few commits; none acknowledged before its own, none lost, none failing another."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cutis.serve import trail
from cutis.serve.inference.journal import Journal
from cutis.serve.kinds import Refused
from cutis.serve.store.engine import Store
from cutis.serve.trail import Item


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path / 'trail.db'}")
    yield opened
    opened.close()


def item(n: int, value: float = 1.0) -> Item:
    return Item("anna", "prediction", f"{n:064x}", {"value": value})


def chain(store: Store) -> list[trail.Link]:
    with store.reading() as session:
        return list(trail.links(session))


def count_commits(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    commits, begin = [], store.begin

    @contextmanager
    def counted() -> Iterator[Any]:
        with begin() as session:
            yield session
        commits.append(1)

    monkeypatch.setattr(store, "begin", counted)
    return commits


def test_many_requests_few_commits_and_a_whole_chain(store: Store, monkeypatch: pytest.MonkeyPatch):
    commits = count_commits(store, monkeypatch)

    async def run() -> None:
        journal = Journal(store)
        async with journal.writing():
            await asyncio.gather(*(journal.record(item(2 * n), item(2 * n + 1)) for n in range(60)))

    asyncio.run(run())
    links = chain(store)
    assert [link.subject for link in links] == [item(n).subject for n in range(120)]
    assert trail.verify(links).broken is None
    assert 1 <= len(commits) <= 3


def test_it_is_committed_when_it_is_acknowledged(store: Store):
    async def run() -> int:
        journal = Journal(store)
        async with journal.writing():
            await journal.record(item(7))
            return len(chain(store))

    assert asyncio.run(run()) == 1


def test_an_entry_that_cannot_be_written_fails_alone(store: Store):
    async def run() -> list[Any]:
        journal = Journal(store)
        async with journal.writing():
            return await asyncio.gather(
                journal.record(item(1)),
                journal.record(item(2), item(3, float("nan"))),
                journal.record(item(4)),
                return_exceptions=True,
            )

    first, second, third = asyncio.run(run())
    assert first is third is None
    assert isinstance(second, ValueError)
    assert [link.subject for link in chain(store)] == [item(1).subject, item(4).subject]


def test_a_store_that_is_away_is_said_and_it_goes_on_after(store: Store, monkeypatch: pytest.MonkeyPatch):
    def away() -> Any:
        raise Refused(507, "The store's disk is full.")

    async def run() -> None:
        journal = Journal(store)
        async with journal.writing():
            with monkeypatch.context() as patched:
                patched.setattr(store, "begin", away)
                with pytest.raises(Refused, match="disk is full") as refused:
                    await journal.record(item(1))
                assert refused.value.status == 507
            await journal.record(item(2))

    asyncio.run(run())
    assert [link.subject for link in chain(store)] == [item(2).subject]


def test_what_waits_at_the_end_is_written_and_nothing_after(store: Store):
    async def run() -> None:
        journal = Journal(store)
        async with journal.writing():
            waiting = [asyncio.create_task(journal.record(item(n))) for n in range(5)]
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)
        with pytest.raises(Refused, match="starting or stopping"):
            await journal.record(item(9))

    asyncio.run(run())
    assert len(chain(store)) == 5
