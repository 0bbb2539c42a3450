"""Whether a chain is whole: nothing changed, removed, put in between or put in another order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from cutis.serve.trail.anchor import Anchor, lost
from cutis.serve.trail.links import START, Link, content_of


@dataclass(frozen=True)
class Verdict:
    """entries: how many links hold. head: the digest of the last of them. broken: what is wrong with the first that
    does not hold, or with an anchor; None if the chain is whole."""

    entries: int
    head: str
    broken: str | None = None


def verify(chain: Iterable[Link], anchors: Sequence[Anchor] = (), store: str | None = None) -> Verdict:
    """Follow the chain from its start to its end, or to the first link that doesn't hold.

    anchors: heads written down earlier, which it must extend: without one, a trail that was cut off at its end, or made
    anew from its start, looks whole. store: whose trail it is, if that is known.
    """
    n, head = 0, START
    wanted: dict[str, list[Anchor]] = {}
    for anchor in anchors:
        wanted.setdefault(anchor.head, []).append(anchor)
    met = {anchor for anchor in wanted.get(START, ()) if anchor.entries in (None, 0)}
    for link in chain:
        if (wrong := _wrong(link, n, head)) is not None:
            return Verdict(n, head, wrong)
        n, head = link.sequence, link.digest
        met |= {anchor for anchor in wanted.get(head, ()) if anchor.entries in (None, n)}
    return Verdict(n, head, lost(anchors, met, store))


def _wrong(link: Link, last: int, head: str) -> str | None:
    where = f"entry {link.sequence}"
    if link.sequence != last + 1:
        gap = f"entry {last + 1} is missing" if link.sequence > last else "entries are out of order"
        return f"{where}: follows entry {last}, so {gap}"
    if odd := [field.name for field in fields(Link)[1:] if not isinstance(getattr(link, field.name), str)]:
        return f"{where}: was changed; its {odd[0]} is no text"
    if link.previous != head:
        return f"{where}: does not seal entry {last} as it is now"
    if link.sealed() != link.digest:
        return f"{where}: was changed ({link.action} by {link.actor} at {link.at}); its digest is of other values"
    return None if content_of(link) is not None else f"{where}: its content is no JSON object"
