"""The trail of predictions: entries of many requests, committed together; each is acknowledged after its commit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from cutis.bundle.predict import Bundle
from cutis.image.decode import VERSION
from cutis.serve.kinds import Refused, Said
from cutis.serve.store.engine import Store
from cutis.serve.trail import Item, append_all


class Journal:
    """Entries that wait go into the next commit, so that a disk which syncs 50 times a second is no bound on
    predictions a second."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[tuple[Sequence[Item], asyncio.Future[None]]] = deque()
        self._something = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Within it entries are written. What waits at its end is still written."""
        with ThreadPoolExecutor(1, "trail") as thread:
            self._writing = asyncio.create_task(self._write(thread))
            try:
                yield
            finally:
                while self._waiting and self.alive:
                    await asyncio.sleep(0.01)
                self._writing.cancel()
                await asyncio.gather(self._writing, return_exceptions=True)

    @property
    def alive(self) -> bool:
        return self._writing is not None and not self._writing.done()

    async def record(self, *entries: Item) -> None:
        """Return once these entries are committed, in one transaction. Raises Refused if they can't be."""
        if not self.alive:
            raise Refused(503, "the server is starting or stopping. Try again in a minute.", retry_after=60)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entries, done))
        self._something.set()
        await done

    async def _write(self, thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while not self._waiting:
                self._something.clear()
                await self._something.wait()
            group = list(self._waiting)
            outcomes = await loop.run_in_executor(thread, self._commit, [entries for entries, _ in group])
            for (_, done), failed in zip(group, outcomes, strict=True):
                self._waiting.popleft()
                if not done.done():
                    done.set_exception(failed) if failed else done.set_result(None)

    def _commit(self, group: Sequence[Sequence[Item]]) -> list[Exception | None]:
        """What went wrong with each. Where they fail together each is tried alone, so that none fails another's."""
        try:
            with self._store.begin() as session:
                append_all(session, [item for items in group for item in items])
        except Exception as error:  # Refused, or what a database may raise: the one who waits for it is told
            return [self._commit([items])[0] for items in group] if len(group) > 1 else [error]
        return [None] * len(group)


def prediction(bundle: Bundle, said: Said, actor: str, source: str) -> Item:
    """The entry of one prediction: which model, of which input, by which rules, and what it said. No pixels, no names.

    source: SHA-256 of the bytes that were predicted.
    """
    card, how = bundle.card, bundle.card.preprocessing
    return Item(
        actor,
        "prediction",
        source,
        {
            "input": source,
            "bundle": said.bundle,
            "model": f"{card.backbone} of {card.dataset}, {bundle.runtime.name} {bundle.runtime.precision}",
            "preprocessing": f"decoder {VERSION}, {how.size} px, constancy {how.constancy}",
            "coverage": card.conformal.coverage if card.conformal else None,
            "ood_threshold": card.ood.threshold if card.ood else None,
            "status": said.status,
            "reason": said.reason,
            "set": said.answer_set,
            "predicted": said.predicted,
            "ood": said.ood,
        },
    )
