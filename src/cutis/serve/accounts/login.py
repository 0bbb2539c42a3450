"""One attempt to log in: lock-out after failures, and nothing that tells whether an account exists."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from cutis.serve.accounts.manage import is_name
from cutis.serve.accounts.passwords import hashed, outdated, right
from cutis.serve.accounts.sessions import Opened, open_session
from cutis.serve.kinds import Refused
from cutis.serve.store.engine import Store
from cutis.serve.store.tables import Account, now
from cutis.serve.trail import append, of_password

FAILURES = 5  # in a row, before an account is locked
FIRST_LOCK, LONGEST_LOCK = timedelta(minutes=1), timedelta(minutes=15)
WRONG = "the name or the password is wrong, or the account is locked for some minutes after several failures."


def log_in(store: Store, name: str, password: str, replacing: str | None) -> Opened:
    """A new session for the account, or Refused(401) in the same words and time whatever the cause.

    The attempt is counted before the password is looked at, so that guesses at once are no way around the lock.
    """
    with store.begin() as session:
        account = _counted(session, name.strip().casefold())
    opened = None
    if right(password, account.password if account else None) and account:
        renewed = hashed(password) if outdated(account.password or "") else None
        opened = _welcome(store, account.id, renewed, replacing)
    if opened is None:
        with store.begin() as session:
            append(session, account.name if account else "unknown", "account.login-refused", "account", {})
        raise Refused(401, WRONG)
    return opened


def lock_for(failures: int) -> timedelta | None:
    """How long an account is locked after so many failures in a row: from the fifth, twice as long each time."""
    if failures < FAILURES:
        return None
    return min(FIRST_LOCK * (1 << min(failures - FAILURES, 10)), LONGEST_LOCK)


def _counted(session: Session, name: str) -> Account | None:
    """The account with this attempt counted as a failure, for now; None if it is unknown, disabled or locked."""
    if not is_name(name):
        return None
    moment = now()
    usable = (Account.name == name) & Account.disabled.is_(False) & Account.password.is_not(None)
    unlocked = or_(Account.locked_until.is_(None), Account.locked_until <= moment)
    failures = session.scalar(
        update(Account).where(usable, unlocked).values(failures=Account.failures + 1).returning(Account.failures)
    )
    if failures is None:
        return None
    if lock := lock_for(failures):
        _lock(session, name, moment + lock)
    return session.scalars(select(Account).where(Account.name == name)).one()


def _lock(session: Session, name: str, until: datetime) -> None:
    session.execute(update(Account).where(Account.name == name).values(locked_until=until))


def _welcome(store: Store, account_id: int, renewed: str | None, replacing: str | None) -> Opened | None:
    """None if the account was disabled meanwhile."""
    with store.begin() as session:
        account = session.get(Account, account_id)
        if account is None or account.disabled:
            return None
        account.failures, account.locked_until = 0, None
        if renewed:
            account.password = renewed
        opened = open_session(session, account, replacing)
        said = {"password_seal": of_password(renewed)} if renewed else {}
        append(session, account.name, "account.login", account.name, said)
        return opened
