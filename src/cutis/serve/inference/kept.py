"""What is made once and kept in memory: the latest ones, and for a while that they couldn't be made."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

from cutis.serve.kinds import Refused

FAILED = 600.0  # seconds


class Kept[T]:
    """The `most` latest by their names. one_at_a_time: of all names; else of each, so that none is made twice."""

    def __init__(self, most: int, *, one_at_a_time: bool = False) -> None:
        self._most = most
        self._one = asyncio.Lock() if one_at_a_time else None
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._made: OrderedDict[str, T] = OrderedDict()
        self._failed: OrderedDict[str, tuple[float, Refused]] = OrderedDict()

    async def get(self, name: str, make: Callable[[], Awaitable[T]]) -> T:
        """That of a name, by `make` if it isn't kept. If who makes it is cancelled, the next who waits for it does.

        What `make` refuses for good, not for now (429, 503), is refused again for `FAILED` seconds without trying.
        """
        if name not in self._made:
            lock = self._one or self._locks.setdefault(name, asyncio.Lock())
            async with lock:
                if name not in self._made:  # nobody made it while we waited
                    self._check(name)
                    await self._make(name, make)
        self._made.move_to_end(name)
        return self._made[name]

    def _check(self, name: str) -> None:
        until, refused = self._failed.get(name, (0.0, None))
        if refused is not None and time.monotonic() < until:
            raise Refused(refused.status, str(refused), code=refused.code)

    async def _make(self, name: str, make: Callable[[], Awaitable[T]]) -> None:
        try:
            self._made[name] = await make()
        except Refused as refused:
            if refused.retry_after is None:
                self._failed[name] = time.monotonic() + FAILED, refused
            raise
        finally:
            for kept in (self._made, self._failed):
                while len(kept) > self._most:
                    kept.popitem(last=False)
