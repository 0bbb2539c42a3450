"""One attempt to log in: lock-out after failures, and nothing that tells whether an account exists.

Whatever the name, the same is done: one look, one hash, one transaction that writes. An attempt counts, and a right
password is let in, only if the account isn't locked when that is written: guesses at once are no way around the lock.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from cutis.serve.accounts.manage import is_name
from cutis.serve.accounts.passwords import TURNS, hashed, outdated, right
from cutis.serve.accounts.sessions import Opened, open_session
from cutis.serve.kinds import Refused
from cutis.serve.store.engine import Store
from cutis.serve.store.tables import Account, now
from cutis.serve.trail import append, of_password

FAILURES = 5  # in a row, before an account is locked
FIRST_LOCK, LONGEST_LOCK = timedelta(minutes=1), timedelta(minutes=15)
WRONG = "the name or the password is wrong, or the account is locked for some minutes after several failures."


def log_in(store: Store, name: str, password: str, replacing: str | None, address: str = "") -> Opened:
    """A new session for the account, or Refused(401) in the same words and time whatever the cause.

    While others log in it waits its turn, among those from the same address: Refused(503) if too many do.
    """
    name = name.strip().casefold()
    name = name if is_name(name) else ""
    opened = None
    with TURNS.turn(address):
        with store.reading() as session:
            stored = session.scalar(select(Account.password).where(*_usable(name)))
        same = right(password, stored)
        renewed = hashed(password) if same and outdated(stored or "") else None
        with store.begin() as session:
            if same:
                opened = _welcome(session, name, renewed, replacing)
            else:
                _count(session, name)
    if opened is None:
        raise Refused(401, WRONG)
    return opened


def lock_for(failures: int) -> timedelta | None:
    """How long an account is locked after so many failures in a row: from the fifth, twice as long each time."""
    if failures < FAILURES:
        return None
    return min(FIRST_LOCK * (1 << min(failures - FAILURES, 10)), LONGEST_LOCK)


def _usable(name: str) -> tuple[ColumnElement[bool], ...]:
    """Whether an account may log in now."""
    unlocked = or_(Account.locked_until.is_(None), Account.locked_until <= now())
    return Account.name == name, Account.disabled.is_(False), Account.password.is_not(None), unlocked


def _count(session: Session, name: str) -> None:
    """Of a wrong password, or of nobody's name."""
    counted = update(Account).where(*_usable(name)).values(failures=Account.failures + 1).returning(Account.failures)
    failures = session.scalar(counted)
    if failures is not None and (lock := lock_for(failures)):
        session.execute(update(Account).where(Account.name == name).values(locked_until=now() + lock))
    append(session, "unknown" if failures is None else name, "account.login-refused", "account", {})


def _welcome(session: Session, name: str, renewed: str | None, replacing: str | None) -> Opened | None:
    """None if the account was disabled or locked meanwhile."""
    account = session.scalars(select(Account).where(*_usable(name)).with_for_update()).first()
    if account is None:
        append(session, "unknown", "account.login-refused", "account", {})
        return None
    account.failures, account.locked_until = 0, None
    if renewed:
        account.password = renewed
    opened = open_session(session, account, replacing)
    said = {"password_seal": of_password(renewed)} if renewed else {}
    append(session, account.name, "account.login", account.name, said)
    return opened
