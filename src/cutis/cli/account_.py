from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cutis.cli import say
from cutis.errors import CutisError

if TYPE_CHECKING:
    from cutis.serve.store.engine import Store

ACTOR = "command line"


def account_(
    action: Literal["add", "list", "disable", "enable", "password", "role"],
    name: str | None = None,
    *,
    role: Literal["reader", "curator", "admin"] | None = None,
    team: str = "clinic",
    folder: Path = Path("workbench"),
    store: str | None = None,
) -> None:
    """Make, list and change the accounts of a workbench; the first administrator is made here.

    Parameters
    ----------
    action
        add, list, disable, enable, password (set a new one; a lock-out ends) or role (give another). A password is
        asked for, or read as one line of standard input.
    name
        The account's name; not a person's.
    role
        reader (reads cases), curator (sees the audit trail too) or admin (makes accounts too).
    team
        Whose cases a new account sees.
    folder
        The folder that cutis serve was given.
    store
        The database that cutis serve was given, if not the file in FOLDER.
    """
    from cutis.extras import require

    require("serve")
    from cutis.serve.accounts import manage
    from cutis.serve.store.engine import Store, store_in
    from cutis.serve.store.pictures import make_private

    if action != "list" and not name:
        raise CutisError(f"which account? cutis account {action} NAME")
    if action == "role" and role is None:
        raise CutisError(f"which role? cutis account role {name} --role reader, curator or admin")
    if store is None:
        store = store_in(folder)
        if action == "add":
            make_private(folder)
    opened = Store.open(store, create=action == "add")
    try:
        if action == "list":
            _list(opened)
        elif action == "add":
            made = manage.add(opened, ACTOR, name or "", _password(), role or "reader", team)
            say(f"{made.name}: {made.role} of team {made.team}")
        elif action == "password":
            manage.change(opened, ACTOR, name or "", password=_password())
            say(f"{name}: new password; logged out everywhere")
        elif action == "role":
            manage.change(opened, ACTOR, name or "", role=role)
            say(f"{name}: {role}; logged out everywhere")
        else:
            manage.change(opened, ACTOR, name or "", disabled=action == "disable")
            say(f"{name}: {action}d" + ("; logged out everywhere" if action == "disable" else ""))
    finally:
        opened.close()


def _list(store: Store) -> None:
    from cutis.serve.accounts.manage import LOCAL, everyone
    from cutis.serve.store.tables import now

    found = [a for a in everyone(store) if a.name != LOCAL]
    for account in found:
        notes = ["disabled"] if account.disabled else []
        if account.locked_until and account.locked_until > now():
            notes.append(f"locked until {account.locked_until:%H:%M} UTC")
        say(f"{account.name:<24} {account.role:<8} {account.team:<16} {', '.join(notes)}".rstrip())
    if not found:
        say("no account yet; make one with: cutis account add NAME --role admin")


def _password() -> str:
    """Asked for twice at a terminal, where it isn't shown; else the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    from getpass import getpass

    typed = getpass("Password: ")
    if getpass("Again: ") != typed:
        raise CutisError("the two passwords differ; nothing was changed. Run again.")
    return typed
