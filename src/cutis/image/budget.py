"""One budget of bytes for all threads: how much decoding may hold at once, however many threads decode.

Without one, each of N threads may hold its largest picture at the same time. With one, a thread waits until there is
room; a picture that is larger than the whole budget goes alone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

TOTAL = 2 * 2**30


class Budget:
    """At most `total` bytes are held at once, unless one holder alone needs more. Safe for threads; see `hold`."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._free = threading.Condition()
        self._held = 0
        self._at_work = 0  # threads that hold something and don't wait
        self._own = threading.local()

    @property
    def held(self) -> int:
        """Bytes that are held now."""
        return self._held

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Wait for room, hold `size` bytes while the block runs, give them back.

        Inside another `hold` of its thread only what is more than that one's is held. Where everybody who holds
        something waits for more, one of them gets it all the same: nobody else could make room.
        """
        own = getattr(self._own, "held", 0)
        more = max(0, size - own)
        with self._free:
            if own and more:
                self._at_work -= 1
                self._free.notify_all()
            try:
                while more and self._held + more > self.total and self._at_work:
                    self._free.wait()
            finally:  # Ctrl-C too
                self._at_work += bool(own and more)
            self._at_work += not own
            self._held += more
            self._own.held = own + more
        try:
            yield
        finally:
            with self._free:
                self._held -= more
                self._own.held = own
                self._at_work -= not own
                self._free.notify_all()


BUDGET = Budget(TOTAL)
