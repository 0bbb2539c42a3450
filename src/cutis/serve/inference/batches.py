"""Pictures of many requests, answered a batch at a time; a bounded queue, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from cutis.bundle.predict import Bundle, Told
from cutis.serve.kinds import Refused, Seen

MOST = 16  # pictures a batch
_log = logging.getLogger("cutis.serve")


@dataclass(frozen=True, eq=False)
class _Waiting:
    seen: Seen
    answer: asyncio.Future[Told]


class Batches:
    """One bundle's queue. As many lanes as the bundle has threads take from it, each one batch at a time.

    A lane takes what waits, without waiting for more: alone, a request is answered at once; under load, while one batch
    is worked on the next one gathers. most_waiting: pictures in the queue, beyond which one is refused. patience:
    seconds after which a request is.
    """

    def __init__(self, bundle: Bundle, pool: Executor, *, most_waiting: int, patience: float) -> None:
        self.bundle = bundle
        self._pool = pool
        self._most_waiting = most_waiting
        self._patience = patience
        self._queue: deque[_Waiting] = deque()
        self._something = asyncio.Event()
        self._lanes: list[asyncio.Task[None]] = []
        self._seconds = 0.02  # that a picture takes, as seen lately: what Retry-After is told from

    @property
    def waiting(self) -> int:
        """Pictures in the queue."""
        return len(self._queue)

    @property
    def alive(self) -> bool:
        return bool(self._lanes) and not any(lane.done() for lane in self._lanes)

    def start(self) -> None:
        self._lanes = [asyncio.create_task(self._lane()) for _ in range(self.bundle.runtime.threads)]

    async def stop(self) -> None:
        """End the lanes; whoever still waits is told so."""
        for lane in self._lanes:
            lane.cancel()
        await asyncio.gather(*self._lanes, return_exceptions=True)
        self._lanes = []
        for one in self._queue:
            _settle(one, Refused(503, "the server is stopping. Try again in a minute.", retry_after=60))

    async def ask(self, seen: Seen) -> Told:
        """The answer to one picture. Raises Refused: 429 if too many wait, 503 if it takes too long.

        Whoever is cancelled or runs out of patience leaves the queue at once.
        """
        if self.waiting >= self._most_waiting:
            soon = self._soon()
            raise Refused(
                429, f"{self.waiting} pictures wait for the model already. Try again in {soon} s.", retry_after=soon
            )
        one = _Waiting(seen, asyncio.get_running_loop().create_future())
        self._queue.append(one)
        self._something.set()
        try:
            async with asyncio.timeout(self._patience):
                return await one.answer
        except TimeoutError:
            soon = self._soon()
            raise Refused(
                503,
                f"the model is busy and did not answer within {self._patience:g} s. Try again in {soon} s.",
                retry_after=soon,
            ) from None
        finally:
            if one in self._queue:
                self._queue.remove(one)

    def _soon(self) -> int:
        """Seconds in which the queue should be worked off, 1 or more."""
        return max(1, math.ceil(len(self._queue) * self._seconds))

    async def _lane(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while not self._queue:
                self._something.clear()
                await self._something.wait()
            batch = [self._queue.popleft() for _ in range(min(MOST, len(self._queue)))]
            began = time.perf_counter()
            try:
                told = await loop.run_in_executor(self._pool, self._answers, [one.seen for one in batch])
            except asyncio.CancelledError:
                self._queue.extendleft(reversed(batch))  # `stop` tells them
                raise
            took = (time.perf_counter() - began) / len(batch) / len(self._lanes)
            self._seconds += 0.1 * (took - self._seconds)
            for one, found in zip(batch, told, strict=True):
                _settle(one, found)

    def _answers(self, seen: Sequence[Seen]) -> list[Told | Refused]:
        """Of one batch, in a thread. Where it fails each is tried alone, so that one picture can't fail another's."""
        try:
            return list(self.bundle.told(np.stack([one.square for one in seen]), [one.faults for one in seen]))
        except Exception as error:  # whatever a runtime may raise; it is logged, and told without its inside
            if len(seen) > 1:
                return [self._answers([one])[0] for one in seen]
            _log.exception("the model failed on a picture")
            return [Refused(500, f"the model failed on this picture ({type(error).__name__}). The log says more.")]


def _settle(one: _Waiting, found: Told | Refused) -> None:
    """Hand over the answer, unless whoever asked has left."""
    if one.answer.done():
        return
    if isinstance(found, Told):
        one.answer.set_result(found)
    else:
        one.answer.set_exception(found)
