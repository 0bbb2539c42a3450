"""Who is let in when many come: a cap for all, one for each address, and whoever only dawdles goes first.

A connection in which the server works on a request is never dropped for another. One that waits for its client may be:
before all others one whose head has not come yet, then one between two requests, then the slowest body, then an answer
that nobody reads. So a crowd of half heads, or of bodies that drip, keeps nobody out, not even from its own address.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Collection, Iterable
from enum import IntEnum

CONNECTIONS = 1000
EACH = 200  # of one address: more than any browser and any ward behind one address opens


class Waits(IntEnum):
    """What a connection waits for; the lower, the sooner it is dropped."""

    HEAD = 0
    NEXT = 1  # request
    BODY = 2
    READER = 3  # of the answer
    SERVER = 4


class Guest:
    """A connection. drop: ends it at once. since: when it began to wait as it does now. received: bytes of the body."""

    __slots__ = ("address", "drop", "received", "since", "waits")

    def __init__(self, address: str, drop: Callable[[], None], since: float) -> None:
        self.address, self.drop, self.since = address, drop, since
        self.waits, self.received = Waits.HEAD, 0


class Crowd:
    """The connections of one server. most: of all. each: of one address, but for the `trusted` ones, behind which there
    are many people. Not safe to share between threads; a server has one loop."""

    def __init__(
        self,
        most: int = CONNECTIONS,
        each: int = EACH,
        *,
        trusted: Collection[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.most, self.each, self.trusted, self._clock = most, each, trusted, clock
        self._guests: dict[Guest, None] = {}
        self._of: dict[str, dict[Guest, None]] = {}

    def __len__(self) -> int:
        return len(self._guests)

    def enter(self, host: str, drop: Callable[[], None]) -> Guest | None:
        """Let a connection in, dropping another if need be; None if there is no room, as all are being worked on."""
        address = neighbourhood(host)
        own = self._of.get(address, {})
        if len(own) >= self.each and host not in self.trusted and "*" not in self.trusted:
            if not self._make_room(own):
                return None
        elif len(self._guests) >= self.most and not self._make_room(self._guests):
            return None
        guest = Guest(address, drop, self._clock())
        self._guests[guest] = None
        self._of.setdefault(address, {})[guest] = None
        return guest

    def leave(self, guest: Guest) -> None:
        """It has ended; to say so twice does no harm."""
        if guest in self._guests:
            del self._guests[guest]
            of = self._of[guest.address]
            del of[guest]
            if not of:
                del self._of[guest.address]

    def now(self, guest: Guest, waits: Waits) -> None:
        """It waits for something else."""
        if waits is not guest.waits:
            guest.waits, guest.since, guest.received = waits, self._clock(), 0

    def _make_room(self, among: Iterable[Guest]) -> bool:
        moment = self._clock()
        idle = (guest for guest in among if guest.waits is not Waits.SERVER)
        first = min(idle, key=lambda guest: _rank(guest, moment), default=None)
        if first is None:
            return False
        self.leave(first)
        first.drop()
        return True


def _rank(guest: Guest, moment: float) -> tuple[int, float]:
    """The lowest goes first: of those that wait alike the one that has waited longest, of bodies the slowest."""
    if guest.waits is Waits.BODY:
        return guest.waits, guest.received / (moment - guest.since + 1)
    return guest.waits, guest.since


def neighbourhood(host: str) -> str:
    """What counts as one address: of IPv6 the first 64 bits, which one user has for himself.

    >>> neighbourhood("192.0.2.7"), neighbourhood("2001:db8::1:2:3:4")
    ('192.0.2.7', '2001:db8::/64')
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(address if address.version == 4 else ipaddress.ip_network((address, 64), strict=False))
