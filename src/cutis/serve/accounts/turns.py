"""So many at a time, and of those who wait each address in its turn: a crowd from one leaves the others theirs."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager

from cutis.serve.kinds import Refused


class Turns:
    """at_once: how many may be at it. most, each: how many may wait, in all and of one key. patience: seconds that one
    waits."""

    def __init__(self, at_once: int, *, most: int, each: int, patience: float) -> None:
        self.at_once, self.most, self.each, self.patience = at_once, most, each, patience
        self._free = at_once
        self._waiting: OrderedDict[str, deque[threading.Event]] = OrderedDict()  # the key whose turn it is first
        self._change = threading.Lock()

    @contextmanager
    def turn(self, key: str) -> Iterator[None]:
        """Within it one of `at_once`. Raises Refused 503 where too many wait already, or it takes too long."""
        called = self._queue(key)
        if called is not None and not called.wait(self.patience):
            self._give_up(key, called)
        try:
            yield
        finally:
            self._pass_on()

    def _queue(self, key: str) -> threading.Event | None:
        """What to wait for; None where it is this one's turn at once."""
        with self._change:
            if self._free:
                self._free -= 1
                return None
            mine = self._waiting.get(key, ())
            if len(mine) >= self.each or sum(map(len, self._waiting.values())) >= self.most:
                raise _busy()
            called = threading.Event()
            self._waiting.setdefault(key, deque()).append(called)
            return called

    def _give_up(self, key: str, called: threading.Event) -> None:
        """Leave the queue, which raises, unless it was called at this very moment."""
        with self._change:
            if called.is_set():
                return
            self._waiting[key].remove(called)
            if not self._waiting[key]:
                del self._waiting[key]
        raise _busy()

    def _pass_on(self) -> None:
        """Call the next key's first; the key is the last then."""
        with self._change:
            if not self._waiting:
                self._free += 1
                return
            key, waiting = next(iter(self._waiting.items()))
            waiting.popleft().set()
            self._waiting.move_to_end(key)
            if not waiting:
                del self._waiting[key]


def _busy() -> Refused:
    return Refused(503, "too many people log in at this moment. Try again in a few seconds.", retry_after=5)
