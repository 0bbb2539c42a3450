"""Accounts made and changed, each change in the trail."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cutis.errors import nearest
from cutis.serve.accounts import passwords
from cutis.serve.accounts.sessions import close_all
from cutis.serve.kinds import Refused
from cutis.serve.store.engine import Store
from cutis.serve.store.tables import ROLES, Account
from cutis.serve.trail import append, of_account, of_password

LOCAL = "local"  # the account of a server without accounts; nobody can log in as it
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_ABLE = (Account.role == "admin") & Account.disabled.is_(False) & Account.password.is_not(None)


def is_name(text: str) -> bool:
    """Whether `text` may name an account or a team."""
    return _NAME.fullmatch(text) is not None


def everyone(store: Store) -> Sequence[Account]:
    """All accounts, by name."""
    with store.reading() as session:
        return session.scalars(select(Account).order_by(Account.name)).all()


def has_admin(store: Store) -> bool:
    """Whether an administrator can log in."""
    with store.reading() as session:
        return session.scalar(select(Account.id).where(_ABLE).limit(1)) is not None


def local_account(store: Store, name: str = LOCAL, role: str = "admin") -> Account:
    """The one account of a server without accounts, or another that nobody can log in as; made if not there yet."""
    with store.reading() as session:
        account = session.scalar(select(Account).where(Account.name == name))
    if account is not None:
        return account
    try:
        with store.begin() as session:
            account = Account(name=name, role=role, password=None)
            session.add(account)
            session.flush()
            return account
    except IntegrityError:  # another process made it at the same moment
        with store.reading() as session:
            return session.scalars(select(Account).where(Account.name == name)).one()


def add(store: Store, actor: str, name: str, password: str, role: str, team: str) -> Account:
    """Make an account. Raises Refused: 422 for an impossible name, password, role or team, 409 for a name in use."""
    name = name.strip().casefold()
    _check_name(name, "account")
    _check_name(team, "team")
    _check_role(role)
    passwords.check(password, name)
    taken = Refused(409, f'there is an account "{name}" already. Choose another name.')
    if name == LOCAL:
        raise taken
    account = Account(name=name, password=_hashed(password), role=role, team=team)
    try:
        with store.begin() as session:
            if session.scalar(select(Account.id).where(Account.name == name)) is not None:
                raise taken
            session.add(account)
            session.flush()
            said = of_account(account) | {"password_seal": of_password(account.password)}
            append(session, actor, "account.added", name, said)
    except IntegrityError:
        raise taken from None
    return account


def change(
    store: Store,
    actor: str,
    name: str,
    *,
    role: str | None = None,
    team: str | None = None,
    disabled: bool | None = None,
    password: str | None = None,
) -> Account:
    """Change what is given; the account's sessions end, and a lock-out with them.

    Raises Refused: 404 for an unknown account, 409 where no administrator would be left, 422 for impossible values.
    """
    new: dict[str, Any] = {}
    if role is not None:
        _check_role(role)
        new["role"] = role
    if team is not None:
        _check_name(team, "team")
        new["team"] = team
    if disabled is not None:
        new["disabled"] = disabled
    secret = None
    if password is not None:
        passwords.check(password, name)
        secret = _hashed(password)
    with store.begin() as session:
        admins = _admins(session)
        account = session.scalar(select(Account).where(Account.name == name.strip().casefold()))
        if account is None or account.name == LOCAL:
            names = session.scalars(select(Account.name).where(Account.name != LOCAL)).all()
            raise Refused(404, f'no account "{name}"; {nearest(name, names) if names else "there is none yet"}')
        stays = role in (None, "admin") and disabled is not True
        if list(admins) == [account.id] and not stays:
            raise Refused(409, f'"{account.name}" is the only administrator left. Make another one first.')
        for field, value in new.items():
            setattr(account, field, value)
        if secret is not None:
            account.password = secret
        account.failures, account.locked_until = 0, None
        close_all(session, account.id)
        said = new
        if secret is not None:
            said = new | {"password": "changed", "password_seal": of_password(secret)}
        append(session, actor, "account.changed", account.name, said)
    return account


def _admins(session: Session) -> Sequence[int]:
    """Ids of those who can administer, held until the transaction ends, so that two can't remove each other."""
    return session.scalars(select(Account.id).where(_ABLE).with_for_update()).all()


def _hashed(password: str) -> str:
    with passwords.TURNS.turn("accounts"):
        return passwords.hashed(password)


def _check_name(name: str, of: str) -> None:
    if not is_name(name):
        raise Refused(
            422,
            f"the {of}'s name is 1 to 64 of a-z, 0-9, dot, dash and underscore, starting with a letter or digit, "
            f'as "reader-1"; it got {name[:70]!r}.',
        )


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise Refused(422, f'no role "{role[:70]}"; {nearest(role, ROLES)}')
