"""Anchors: the trail's head, written down outside the database, where who owns the database can't reach it.

A line of JSON each: which store, how many entries, the digest of the last, and when. A trail that still extends an
anchor was neither cut off before it nor made anew, whatever was done to the database.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from cutis.errors import CutisError
from cutis.files import disk_errors
from cutis.serve.trail.links import canonical

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Anchor:
    """entries: how many the trail had. head: the digest of the last. at: when that was. store: `Identity.id`; "" where
    only a digest was noted, and entries is None."""

    head: str
    entries: int | None = None
    store: str = ""
    at: str = ""

    @classmethod
    def of(cls, store: str, entries: int, head: str) -> Anchor:
        return cls(head, entries, store, datetime.now(UTC).isoformat(timespec="seconds"))

    def line(self) -> str:
        return canonical(asdict(self))

    @property
    def name(self) -> str:
        """As it is called in messages."""
        return f"the anchor of {self.at}, {self.entries} entries, {self.head}" if self.at else f"the digest {self.head}"


def read_anchors(since: str) -> list[Anchor]:
    """since: a file that `add_anchor` wrote, or a digest that was noted by hand.

    Raises CutisError for what is neither, naming the first line that is no anchor.
    """
    path = Path(since)
    if _DIGEST.fullmatch(since.strip().lower()) and not path.exists():
        return [Anchor(since.strip().lower())]
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CutisError(
            f"{since}: neither a file of anchors nor a digest of 64 hexadecimal digits. Give what audit-log anchor "
            "wrote or printed."
        ) from None
    except (UnicodeDecodeError, OSError):
        raise CutisError(f"{since}: not a file of anchors (JSON lines, as audit-log anchor writes them).") from None
    anchors = [_read(since, number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not anchors:
        raise CutisError(f"{since}: holds no anchor. Add the first with: cutis audit-log anchor --out {since}")
    return anchors


def add_anchor(path: Path, anchor: Anchor) -> None:
    """Add a line at the end of the file, made if it isn't there; whole or not at all."""
    fresh = not path.exists()
    with disk_errors(path), path.open("ab", buffering=0) as file:
        before = file.tell()
        try:
            # Unbuffered, as closing would write what is left once more; so it may take a part only.
            left = f"{anchor.line()}\n".encode()
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())
        except OSError:
            os.ftruncate(file.fileno(), before)
            if fresh:
                path.unlink(missing_ok=True)
            raise


def lost(anchors: Sequence[Anchor], met: set[Anchor], store: str | None) -> str | None:
    """The first anchor that a trail does not extend, in words; None if it extends them all.

    met: those whose digest was the head after as many entries. store: whose trail it is, if that is known.
    """
    for anchor in anchors:
        if store is not None and anchor.store not in ("", store):
            return f"{anchor.name}, is of another store ({anchor.store}; this one is {store})"
        if anchor not in met:
            return f"it does not extend {anchor.name}: entries after it were cut off, or it was made anew"
    return None


def _read(since: str, number: int, line: str) -> Anchor:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        values = None
    names = {field.name for field in fields(Anchor)}
    if not isinstance(values, dict) or values.keys() != names or not _typed(values):
        raise CutisError(f"{since}, line {number}: not an anchor, as audit-log anchor writes them.")
    return Anchor(**values)


def _typed(values: dict[str, object]) -> bool:
    head, entries = values["head"], values["entries"]
    texts = all(isinstance(values[name], str) for name in ("head", "store", "at"))
    return texts and _DIGEST.fullmatch(str(head)) is not None and type(entries) is int and entries >= 0
