"""Accounts in each of the databases: counting failures and keeping the last administrator are the database's work."""

from __future__ import annotations

import threading

import pytest

from cutis.serve.accounts import sessions
from cutis.serve.accounts.login import FAILURES, log_in
from cutis.serve.accounts.manage import add, change, everyone, has_admin, local_account
from cutis.serve.kinds import Refused
from cutis.serve.store.engine import Store
from serve.guard.small import SECRETS, people

WRONG = "a wrong but long password"


@pytest.fixture
def both(store_url: str):  # type: ignore[no-untyped-def]
    """A new store with people, in each of the databases."""
    made = Store.open(store_url)
    people(made)
    yield made
    made.close()


def attempt(store: Store, name: str, secret: str) -> int:
    try:
        log_in(store, name, secret, None)
    except Refused as refused:
        return refused.status
    return 200


def test_a_life_of_an_account(both: Store) -> None:
    opened = log_in(both, " Reader-A ", SECRETS["reader-a"], None)
    assert sessions.find(both, opened.token) == opened.who
    again = log_in(both, "reader-a", SECRETS["reader-a"], opened.token)
    assert sessions.find(both, opened.token) is None
    with both.begin() as session:
        sessions.close(session, again.token)
    assert sessions.find(both, again.token) is None
    with pytest.raises(Refused, match="already"):
        add(both, "test", "reader-a", WRONG, "reader", "clinic")
    assert local_account(both).id == local_account(both).id
    assert attempt(both, "local", WRONG) == 401
    assert attempt(both, "na\x00me", WRONG) == 401
    assert [a.name for a in everyone(both)] == sorted([*SECRETS, "local"])


def test_parallel_guesses_are_counted_one_by_one(both: Store) -> None:
    threads = [threading.Thread(target=attempt, args=(both, "reader-a", WRONG)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    account = next(a for a in everyone(both) if a.name == "reader-a")
    assert account.failures == FAILURES
    assert account.locked_until is not None
    assert attempt(both, "reader-a", SECRETS["reader-a"]) == 401


def test_two_admins_cannot_remove_each_other(both: Store) -> None:
    change(both, "test", "keeper", role="admin")
    refused: list[int] = []

    def remove(name: str) -> None:
        try:
            change(both, "test", name, disabled=True)
        except Refused as error:
            refused.append(error.status)

    threads = [threading.Thread(target=remove, args=(name,)) for name in ("boss", "keeper")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == [409]
    assert has_admin(both)


def test_an_account_made_twice_at_once_is_one(both: Store) -> None:
    said: list[int] = []

    def make() -> None:
        try:
            add(both, "test", "someone", WRONG, "reader", "clinic")
            said.append(201)
        except Refused as refused:
            said.append(refused.status)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == [201, 409, 409, 409]
