"""What all share, and how much of it one may have: requests at once, bytes of bodies in flight."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from cutis.serve.answer import refuse
from cutis.serve.guard.crowd import EACH, neighbourhood
from cutis.serve.kinds import Refused


class Share:
    """An amount of which each key may hold `each`, and all together `most`. Of one loop: it takes no lock."""

    def __init__(self, most: int, each: int) -> None:
        self.most, self.each = most, each
        self.held = 0
        self._of: dict[str, int] = {}

    def take(self, key: str, amount: int) -> bool:
        """Hold so much more; False, and nothing more is held, where it is too much."""
        mine = self._of.get(key, 0) + amount
        if mine > self.each or self.held + amount > self.most:
            return False
        if mine:
            self._of[key] = mine
        self.held += amount
        return True

    def give(self, key: str, amount: int) -> None:
        """Hold so much less."""
        left = self._of.get(key, 0) - amount
        if left > 0:
            self._of[key] = left
        else:
            self._of.pop(key, None)
        self.held -= amount


class AtOnce:
    """ASGI: 429 for an address that has too many requests at work, so that one behind a proxy leaves others alone.

    Connections are counted by `cutis.serve.guard.crowd`; a proxy's are of many people. /health is always answered.
    """

    def __init__(self, app: ASGIApp, each: int = EACH) -> None:
        self.app = app
        self._share = Share(2**62, each)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == "/health":
            return await self.app(scope, receive, send)
        client = scope.get("client")
        key = neighbourhood(client[0]) if client else ""
        if not self._share.take(key, 1):
            words = f"more than {self._share.each} requests at once from your address. Try again in a few seconds."
            return await refuse(scope, receive, send, Refused(429, words, retry_after=5), read_on=False)
        try:
            return await self.app(scope, receive, send)
        finally:
            self._share.give(key, 1)
