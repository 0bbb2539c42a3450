"""Whether the accounts are those that the trail's entries made: each grant of a role is an entry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cutis.serve.store.tables import NOBODYS, Account, Entry
from cutis.serve.trail import facts
from cutis.serve.trail.links import links_where, told

_TELLING = ("account.added", "account.changed", "account.login")


@dataclass
class _Made:
    """What the entries say of an account: each fact with the entry that said it last."""

    sequence: int
    facts: dict[str, tuple[Any, int]] = field(default_factory=dict)


def changed_accounts(session: Session) -> tuple[dict[int, str], list[str]]:
    """(the accounts' names by their ids, a line for each that is not as the trail says)."""
    made = _replayed(session)
    names: dict[int, str] = {}
    said: list[str] = []
    for account in session.scalars(select(Account).order_by(Account.id)):
        names[account.id] = account.name
        if account.name in NOBODYS:
            if (account.role, account.password) != (NOBODYS[account.name], None):
                said.append(f'account "{account.name}", which is nobody\'s, has a password or the role {account.role}')
            continue
        entered = made.pop(account.name, None)
        if entered is None:
            said.append(f'account "{account.name}" ({account.role}) is not in the trail')
            continue
        now = {**facts.of_account(account), "password_seal": facts.of_password(account.password)}
        for name, (then, sequence) in entered.facts.items():
            if now[name] != then:
                what = "password" if name == "password_seal" else name
                said.append(f'account "{account.name}" was changed since entry {sequence}: {what}')
    said += [f'account "{name}", added by entry {entered.sequence}, was removed' for name, entered in made.items()]
    return names, said


def _replayed(session: Session) -> dict[str, _Made]:
    made: dict[str, _Made] = {}
    for link in links_where(session, Entry.action.in_(_TELLING)):
        content = told(link)
        if link.action == "account.added":
            made[link.subject] = _Made(link.sequence, {"disabled": (False, link.sequence)})
        if link.subject not in made:
            continue
        known = made[link.subject].facts
        if content.get("password") == "changed":
            known.pop("password_seal", None)  # of a version that didn't seal it
        for name in (*facts.ACCOUNT, "created_at", "password_seal"):
            if name in content:
                known[name] = (content[name], link.sequence)
    return made
