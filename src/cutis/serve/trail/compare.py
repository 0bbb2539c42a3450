"""Whether the database is still what the trail says was done: who owns it may drop its triggers and change its rows.

What is compared: cases with their note, history, state, team and urgency; photographs; answers; readings; accounts with
their roles and passwords; the triggers. What no entry holds can't be: sessions, failed logins, keys of requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from cutis.serve.store.tables import Answer, Case, Entry, Photograph, Reading
from cutis.serve.trail import facts
from cutis.serve.trail.accounts import changed_accounts
from cutis.serve.trail.links import Link, links_where, told
from cutis.serve.trail.triggers import changed_triggers

_AT_ONCE = 200  # cases
# What a value raises that no column of its kind holds, such as a time that is none, JSON that isn't, NaN, or bytes.
_NEVER_WRITTEN = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
_TAKES = 120.0  # seconds from a row's time to its entry's, at most: a writer waits for its turn


@dataclass
class Compared:
    """How many rows were looked at, and a line for each difference. older: entries of a version that noted less, so
    that what they lack could not be compared."""

    cases: int = 0
    photographs: int = 0
    answers: int = 0
    readings: int = 0
    accounts: int = 0
    older: int = 0
    differences: list[str] = field(default_factory=list)


class _Told(NamedTuple):
    link: Link
    content: dict[str, Any]


def compare(session: Session) -> Compared:
    """Compare every row with its entries. The session must see one state of the database: `Store.snapshot`.

    It says nothing of whether the chain itself is whole: `verify` does.
    """
    found = Compared()
    found.differences += changed_triggers(session)
    try:
        names, differences = changed_accounts(session)
    except _NEVER_WRITTEN as error:
        found.differences.append(f"the accounts hold a value that the workbench never writes ({_short(error)})")
        return found
    found.differences += differences
    found.accounts = len(names)
    unread = False
    for ids in _some_ids(session):
        entries = _entries(session, ids)
        for case_id, case in _cases(session, ids):
            try:
                if isinstance(case, Exception):
                    raise case
                _OneCase(case, entries.get(case_id, []), names, found).compare()
            except _NEVER_WRITTEN as error:
                unread = True
                found.differences.append(
                    f"case {case_id} holds a value that the workbench never writes ({_short(error)})"
                )
        session.expunge_all()
    found.differences += _removed(session)
    if not unread:  # else rows of the cases that could not be read would be among them
        found.differences += _astray(session, found)
    return found


def _some_ids(session: Session) -> Iterator[Sequence[str]]:
    last = ""
    while ids := session.scalars(select(Case.id).where(Case.id > last).order_by(Case.id).limit(_AT_ONCE)).all():
        last = ids[-1]
        yield ids


def _cases(session: Session, ids: Sequence[str]) -> Iterator[tuple[str, Case | Exception]]:
    """Each with its rows; instead of one that can't be read, why."""
    whole = (selectinload(Case.photographs).selectinload(Photograph.answers), selectinload(Case.readings))
    query = select(Case).order_by(Case.id).options(*whole)
    try:
        cases = session.scalars(query.where(Case.id.in_(ids))).all()
    except _NEVER_WRITTEN as error:
        if len(ids) == 1:
            yield ids[0], error
            return
        session.expunge_all()
        for case_id in ids:
            yield from _cases(session, [case_id])
    else:
        yield from ((case.id, case) for case in cases)


def _entries(session: Session, cases: Sequence[str]) -> dict[str, list[_Told]]:
    found: dict[str, list[_Told]] = {}
    for link in links_where(session, Entry.subject.in_(cases)):
        found.setdefault(link.subject, []).append(_Told(link, told(link)))
    return found


@dataclass
class _OneCase:
    """A case and its entries. names: of accounts, by their ids. found: what is added to."""

    case: Case
    entries: Sequence[_Told]
    names: Mapping[int, str]
    found: Compared

    def compare(self) -> None:
        self.found.cases += 1
        opened = [entry for entry in self.entries if entry.link.action == "case.opened"]
        if opened:
            self._opened(opened[0])
        else:
            self._say(f"case {self.case.id} is not in the trail")
        for entry in opened[1:]:
            self._say(f"case {self.case.id} is opened again by entry {entry.link.sequence}")
        self._photographs(opened[0] if opened else None)
        self._readings()

    def _say(self, line: str) -> None:
        self.found.differences.append(line)

    def _changed(self, what: str, entry: _Told, now: Mapping[str, Any], wrong: Sequence[str] = ()) -> None:
        """Say which facts of a row differ from its entry's; `wrong` ones are known to."""
        differ = [name for name in now if name in entry.content and entry.content[name] != now[name]]
        if differ or wrong:
            names = ", ".join([*differ, *wrong])
            self._say(f"{what} was changed since entry {entry.link.sequence}: {names}")

    def _late(self, entry: _Told, name: str, at: datetime) -> list[str]:
        """An entry of a version that didn't note a row's time: it can't be far from the entry's own."""
        if name in entry.content:
            return []
        self.found.older += 1
        try:
            fits = -1 <= (datetime.fromisoformat(entry.link.at) - at).total_seconds() <= _TAKES
        except ValueError:
            fits = False
        return [] if fits else [name]

    def _opened(self, entry: _Told) -> None:
        case = self.case
        wrong = self._late(entry, "received_at", case.received_at)
        if self.names.get(case.opened_by) != entry.link.actor:
            wrong.append("opened_by")
        self._changed(f"case {case.id}", entry, facts.of_case(case, entry.content.get("salt", "")), wrong)

    def _photographs(self, opened: _Told | None) -> None:
        noted: dict[str, tuple[int, dict[str, Any]]] = {}
        if opened is not None:
            noted = {p["photograph"]: (place, p) for place, p in enumerate(opened.content.get("pictures", []))}
        for place, photograph in enumerate(self.case.photographs):
            self.found.photographs += 1
            where = f"photograph {photograph.id} of case {self.case.id}"
            if opened is None or photograph.id not in noted:
                self._say(f"{where} is not in the trail")
            else:
                then, picture = noted.pop(photograph.id)
                now = facts.of_photograph(photograph, opened.content.get("salt", ""))
                self._changed(where, _Told(opened.link, picture), now, ["place"] if then != place else [])
            self._answers(where, photograph)
        for photograph_id in noted:
            assert opened is not None
            where = f"photograph {photograph_id} of case {self.case.id}"
            self._say(f"{where}, in entry {opened.link.sequence}, was removed")

    def _answers(self, where: str, photograph: Photograph) -> None:
        """One after the other: an answer has no name of its own in the trail."""
        answers = photograph.answers
        entries = [
            entry
            for entry in self.entries
            if entry.link.action == "prediction" and entry.content.get("photograph") == photograph.id
        ]
        self.found.answers += len(answers)
        for answer, entry in zip(answers, entries, strict=False):
            wrong = self._late(entry, "created_at", answer.created_at)
            self._changed(f"the answer to {where}", entry, facts.of_answer(answer), wrong)
        for _ in answers[len(entries) :]:
            self._say(f"an answer to {where} is not in the trail")
        for entry in entries[len(answers) :]:
            self._say(f"the answer to {where}, in entry {entry.link.sequence}, was removed")

    def _readings(self) -> None:
        case, state = self.case, "waiting"
        noted = {entry.content.get("reading"): entry for entry in self.entries if _is_reading(entry.link)}
        for entry in noted.values():
            state = "signed" if "signed" in (state, _kind(entry.link)) else "read"
        for reading in case.readings:
            self.found.readings += 1
            where = f"reading {reading.id} of case {case.id}"
            if reading.id not in noted:
                self._say(f"{where} is not in the trail")
                continue
            entry = noted.pop(reading.id)
            wrong = self._late(entry, "created_at", reading.created_at)
            wrong += ["kind"] if reading.kind != _kind(entry.link) else []
            wrong += ["reader"] if self.names.get(reading.account_id) != entry.link.actor else []
            self._changed(where, entry, facts.of_reading(reading), wrong)
        for number, entry in noted.items():
            self._say(f"reading {number} of case {case.id}, in entry {entry.link.sequence}, was removed")
        if case.state != state:
            self._say(f'case {case.id} is "{case.state}"; by the readings in the trail it is "{state}"')


def _removed(session: Session) -> Iterator[str]:
    """Cases that were opened, and readings of cases, of which there is no row."""
    gone = ~select(Case.id).where(Case.id == Entry.subject).exists()
    of_cases = (Entry.action == "case.opened") | Entry.action.startswith("reading.")
    for link in links_where(session, of_cases & gone):
        if _is_reading(link):
            yield f"reading {told(link).get('reading')} of case {link.subject}, in entry {link.sequence}, was removed"
        else:
            yield f"case {link.subject}, opened by entry {link.sequence}, was removed"


def _astray(session: Session, found: Compared) -> Iterator[str]:
    """Rows that were not met on the way from the cases: of a case or photograph that is not there."""
    for table, met in ((Photograph, found.photographs), (Reading, found.readings), (Answer, found.answers)):
        if more := (session.scalar(select(func.count()).select_from(table)) or 0) - met:
            yield f"{more} rows of {table.__tablename__} belong to no case"


def _is_reading(link: Link) -> bool:
    return link.action.startswith("reading.")


def _kind(link: Link) -> str:
    return link.action.removeprefix("reading.")


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0][:120]
