"""Whether a chain is whole: nothing changed, removed, put in between or put in another order."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from cutis.serve.trail.links import START, Link


@dataclass(frozen=True)
class Verdict:
    """entries: how many links hold. head: the digest of the last of them. broken: what is wrong with the first that
    does not hold, or None."""

    entries: int
    head: str
    broken: str | None = None


def verify(chain: Iterable[Link], noted: str | None = None) -> Verdict:
    """Follow the chain from its start to its end, or to the first link that doesn't hold.

    noted: a digest written down earlier, which must be in the chain: without one, entries cut off at the end leave no
    sign.
    """
    n, head, found = 0, START, noted in (None, START)
    for link in chain:
        if (wrong := _wrong(link, n, head)) is not None:
            return Verdict(n, head, wrong)
        n, head = link.sequence, link.digest
        found = found or head == noted
    if not found:
        return Verdict(
            n, head, f"no entry has the digest noted earlier, {noted}: entries after it were made anew or cut off"
        )
    return Verdict(n, head)


def _wrong(link: Link, last: int, head: str) -> str | None:
    where = f"entry {link.sequence}"
    if link.sequence != last + 1:
        gap = f"entry {last + 1} is missing" if link.sequence > last else "entries are out of order"
        return f"{where}: follows entry {last}, so {gap}"
    if link.previous != head:
        return f"{where}: does not seal entry {last} as it is now"
    if link.sealed() != link.digest:
        return f"{where}: was changed ({link.action} by {link.actor} at {link.at}); its digest is of other values"
    try:
        content = json.loads(link.content)
    except json.JSONDecodeError:
        content = None
    return None if isinstance(content, dict) else f"{where}: its content is no JSON object"
