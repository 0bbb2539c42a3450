"""A browser's session: a random token in a cookie, of which only the SHA-256 is stored."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, joinedload

from cutis.serve.kinds import Who
from cutis.serve.settings import Settings
from cutis.serve.store.engine import Store
from cutis.serve.store.tables import Account, Login, now

IDLE = timedelta(hours=1)  # without a request
LONGEST = timedelta(hours=12)  # a working day
_SEEN = timedelta(minutes=1)  # how old `seen_at` may grow before it is written again


@dataclass(frozen=True)
class Opened:
    """A new session. token: for the cookie, kept nowhere else."""

    token: str
    who: Who


def cookie_name(settings: Settings) -> str:
    """`__Host-` keeps a neighbouring host from setting the cookie (RFC 6265bis, 4.1.3.2); it needs https."""
    return "__Host-cutis" if settings.secure else "cutis"


def open_session(session: Session, account: Account, replacing: str | None) -> Opened:
    """A session for `account` with a new token; the one that the browser had before, `replacing`, is over.

    Old sessions of everyone are removed on the way.
    """
    moment = now()
    session.execute(delete(Login).where((Login.expires_at <= moment) | (Login.seen_at <= moment - IDLE)))
    close(session, replacing)
    token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    session.add(Login(digest=_digest(token), account_id=account.id, csrf=csrf, expires_at=moment + LONGEST))
    return Opened(token, _who(account, csrf))


def find(store: Store, token: str) -> Who | None:
    """Who the token's session belongs to; None if it is unknown, over, or its account disabled."""
    moment = now()
    with store.reading() as session:
        login = session.scalar(
            select(Login).options(joinedload(Login.account, innerjoin=True)).where(Login.digest == _digest(token))
        )
        if login is None or login.expires_at <= moment or login.seen_at <= moment - IDLE or login.account.disabled:
            return None
    if login.seen_at <= moment - _SEEN:
        with store.begin() as session:
            session.execute(update(Login).where(Login.digest == login.digest).values(seen_at=moment))
    return _who(login.account, login.csrf)


def close(session: Session, token: str | None) -> None:
    """End the session of `token`, if it is one."""
    if token:
        session.execute(delete(Login).where(Login.digest == _digest(token)))


def close_all(session: Session, account_id: int) -> None:
    """End every session of an account."""
    session.execute(delete(Login).where(Login.account_id == account_id))


def _who(account: Account, csrf: str) -> Who:
    return Who(account.id, account.name, account.role, account.team, csrf)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
