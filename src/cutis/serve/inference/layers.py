"""Layers of sensitivity, made one at a time, the last ones kept."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

_KEPT = 256


class Layers:
    """PNGs by tag. Each asks the model a hundred times and more, so one is made at a time: predictions go first."""

    def __init__(self) -> None:
        self._one = asyncio.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    async def get(self, tag: str, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """The layer of `tag`, by `make` if it isn't kept."""
        if tag not in self._kept:
            async with self._one:
                if tag not in self._kept:  # nobody made it while we waited
                    self._kept[tag] = await make()
                    while len(self._kept) > _KEPT:
                        self._kept.popitem(last=False)
        self._kept.move_to_end(tag)
        return self._kept[tag]
