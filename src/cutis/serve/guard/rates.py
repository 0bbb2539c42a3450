"""How often something may be tried: a bucket of tries for each key, refilled at a steady pace."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from fastapi import Request

from cutis.serve.guard.crowd import neighbourhood
from cutis.serve.kinds import Refused


class Rate:
    """At most `burst` tries at once and one more every `every` seconds, for each key; of the last `keys` keys."""

    def __init__(
        self, burst: int, every: float, *, keys: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.burst, self.every, self.keys, self.clock = burst, every, keys, clock
        self._tried: OrderedDict[str, tuple[float, float]] = OrderedDict()  # key -> (tries left, when counted)
        self._turn = threading.Lock()

    def take(self, key: str) -> None:
        """Count a try; Refused(429) with the seconds to wait if there is none left."""
        with self._turn:
            moment = self.clock()
            left, counted = self._tried.pop(key, (float(self.burst), moment))
            left = min(self.burst, left + (moment - counted) / self.every)
            enough = left >= 1
            self._tried[key] = (left - 1 if enough else left, moment)
            if len(self._tried) > self.keys:
                self._tried.popitem(last=False)
        if not enough:
            wait = math.ceil((1 - left) * self.every)
            raise Refused(429, f"too many tries. Wait {wait} s, then try again.", retry_after=wait)


class Tries:
    """Passwords that may be tried: of one name from one address, and of all names from one address.

    Tries of one name don't use up those of others from the same address; other addresses are not looked at.
    """

    def __init__(self, name: Rate | None = None, address: Rate | None = None) -> None:
        self._name, self._address = name or Rate(burst=20, every=3.0), address or Rate(burst=60, every=2.0)

    def take(self, address: str, name: str) -> None:
        """Count a try. Refused(429) with the seconds to wait, whether or not there is such a name."""
        self._name.take(f"{address} {name.strip().casefold()}")
        self._address.take(address)


def client(request: Request) -> str:
    """The address that a request came from; behind a proxy, the one that it names."""
    return neighbourhood(request.client.host if request.client else "")
