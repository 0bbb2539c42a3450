"""One link of the chain, in the database and as a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Select, select, true
from sqlalchemy.orm import Session

from cutis.errors import CutisError
from cutis.files import atomic_file, sha256_text
from cutis.serve.store.tables import Entry

START = "0" * 64  # what the first entry has as `previous`
_PAGE = 2000


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as it is sealed. content: the text of a JSON object."""

    sequence: int
    at: str
    actor: str
    action: str
    subject: str
    content: str
    previous: str
    digest: str

    def sealed(self) -> str:
        """The digest that these values have: SHA-256 of the canonical JSON of all fields but `digest`."""
        return seal({k: v for k, v in asdict(self).items() if k != "digest"})


def seal(values: dict[str, Any]) -> str:
    return sha256_text(canonical(values))


def canonical(values: dict[str, Any]) -> str:
    """JSON in one form only: sorted keys, no spaces, ASCII, no NaN."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)


COLUMNS = tuple(getattr(Entry, field.name) for field in fields(Link))


def links(session: Session) -> Iterator[Link]:
    """Every entry in its order, a page in memory at a time."""
    return links_where(session, true())


def links_where(session: Session, which: ColumnElement[bool]) -> Iterator[Link]:
    """The entries for which a condition holds, in their order, a page in memory at a time."""
    query = select(*COLUMNS).where(which).order_by(Entry.sequence).limit(_PAGE)
    last: int | None = None
    while page := _links(session, query if last is None else query.where(Entry.sequence > last)):
        yield from page
        last = page[-1].sequence


def told(link: Link) -> dict[str, Any]:
    """The content of an entry; nothing where it was forged into what is no object."""
    return content_of(link) or {}


def content_of(link: Link) -> dict[str, Any] | None:
    """The object that the entry's content is the text of; None where it was forged into what is none."""
    try:
        content = json.loads(link.content)
    except (ValueError, RecursionError):  # also endless nesting, and numbers of thousands of digits
        return None
    return content if isinstance(content, dict) else None


def of_subject(session: Session, subject: str) -> list[Link]:
    """The entries about one subject, such as a case's id, in their order."""
    return _links(session, select(*COLUMNS).where(Entry.subject == subject).order_by(Entry.sequence))


def _links(session: Session, query: Select[Any]) -> list[Link]:
    return [Link(*row) for row in session.execute(query)]


def write_lines(chain: Iterable[Link], path: Path) -> int:
    """Write one JSON object a line, whole or not at all. Returns how many."""
    with atomic_file(path) as partial, partial.open("w", encoding="ascii") as file:
        return sum(1 for link in chain if file.write(canonical(asdict(link)) + "\n"))


def read_lines(path: Path) -> Iterator[Link]:
    """The links of an exported file. Raises CutisError naming the first line that is none."""
    expected = {field.name for field in fields(Link)}
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    values = json.loads(line)
                except (ValueError, RecursionError):
                    values = None
                if not isinstance(values, dict) or values.keys() != expected or not _typed(values):
                    raise CutisError(f"{path}, line {number}: not an entry of a trail. Export it again.")
                yield Link(**values)
    except FileNotFoundError:
        raise CutisError(f"{path}: no such file.") from None
    except (UnicodeDecodeError, IsADirectoryError):
        raise CutisError(f"{path}: not an exported trail (JSON lines).") from None


def _typed(values: dict[str, Any]) -> bool:
    return all(type(v) is (int if k == "sequence" else str) for k, v in values.items())
