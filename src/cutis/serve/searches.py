"""What was typed into the search, under a word that says nothing: a patient's number belongs into no address.

Addresses are kept by browsers, sent on as referrers, and written down by proxies. What was typed is kept in this
process's memory only, so a restart forgets it; a page then says that it is to be typed again.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict

LONGEST = 200


class Searches:
    """The latest searches. each: of one account; most: of all."""

    def __init__(self, each: int = 100, most: int = 10_000) -> None:
        self._each, self._most = each, most
        self._kept: OrderedDict[tuple[int, str], str] = OrderedDict()  # (account, word) -> what was typed
        self._turn = threading.Lock()

    def keep(self, account: int, text: str) -> str:
        """The word for what `account` typed; the same one for the same."""
        text = text[:LONGEST]
        with self._turn:
            mine = [key for key in self._kept if key[0] == account]
            for key in mine:
                if self._kept[key] == text:
                    self._kept.move_to_end(key)
                    return key[1]
            if len(mine) >= self._each:
                del self._kept[mine[0]]
            elif len(self._kept) >= self._most:
                self._kept.popitem(last=False)
            word = secrets.token_urlsafe(9)
            self._kept[(account, word)] = text
            return word

    def text(self, account: int, word: str) -> str | None:
        """What `account` typed; None if it is forgotten, or somebody else did."""
        with self._turn:
            if (account, word) in self._kept:
                self._kept.move_to_end((account, word))
            return self._kept.get((account, word))
