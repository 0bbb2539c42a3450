"""Accounts made and changed by those who may, through the API, the pages' forms and the command line."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from driving import as_process, in_process
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from cutis.serve.accounts import manage
from cutis.serve.accounts.passwords import right
from cutis.serve.kinds import Refused
from cutis.serve.store.engine import Store
from cutis.serve.store.tables import Account, Entry
from serve.guard.small import SECRETS, browser, log_in

NEW = "nine green umbrellas wait"


@pytest.fixture
def boss(client: TestClient) -> TestClient:
    log_in(client, "boss")
    return client


def test_an_admin_makes_an_account_that_can_log_in(boss: TestClient, app: FastAPI) -> None:
    made = boss.post("/api/accounts", json={"name": "Reader-C", "password": NEW, "role": "curator", "team": "ward-2"})
    assert made.status_code == 201
    assert made.json() | {"created_at": ""} == {
        "name": "reader-c",
        "role": "curator",
        "team": "ward-2",
        "disabled": False,
        "locked_until": None,
        "created_at": "",
    }
    other = browser(app)
    assert log_in(other, "reader-c", NEW).status_code == 200
    assert other.get("/api/account").json()["team"] == "ward-2"
    assert NEW not in boss.get("/api/accounts").text
    assert "argon2" not in boss.get("/api/accounts").text


@pytest.mark.parametrize("name", ["reader-a", "keeper"])
def test_nobody_else_does(client: TestClient, name: str) -> None:
    log_in(client, name)
    assert client.get("/api/accounts").status_code == 403
    assert client.post("/api/accounts", json={"name": "x", "password": NEW}).status_code == 403
    assert client.post("/accounts", data={"name": "x", "password": NEW}).status_code == 403
    assert client.patch("/api/accounts/boss", json={"disabled": True}).status_code == 403
    assert client.post("/accounts/boss", data={"disabled": "true"}).status_code == 403
    assert client.patch(f"/api/accounts/{name}", json={"role": "admin"}).status_code == 403


def test_a_curator_may_what_a_curator_may(client: TestClient) -> None:
    log_in(client, "keeper")
    assert client.get("/api/kept").json() == "keeper"
    assert client.post("/logout").status_code == 204
    del client.headers["X-CSRF-Token"]
    log_in(client, "reader-a")
    assert client.get("/api/kept").status_code == 403


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"name": "reader-a"}, 409),
        ({"name": "local"}, 409),
        ({"name": "Jo Miller"}, 422),
        ({"name": "<b>"}, 422),
        ({"name": "a\x00b"}, 422),
        ({"name": ""}, 422),
        ({"team": "../etc"}, 422),
        ({"role": "root"}, 422),
        ({"password": "short"}, 422),
        ({"more": 1}, 422),
    ],
)
def test_impossible_accounts(boss: TestClient, changed: dict[str, object], status: int) -> None:
    before = boss.get("/api/accounts").json()
    given = {"name": "reader-c", "password": NEW, "role": "reader", "team": "clinic"} | changed
    assert boss.post("/api/accounts", json=given).status_code == status
    assert boss.get("/api/accounts").json() == before


def test_a_disabled_account_is_out_at_once(boss: TestClient, app: FastAPI) -> None:
    reader = browser(app)
    log_in(reader, "reader-a")
    assert boss.patch("/api/accounts/reader-a", json={"disabled": True}).json()["disabled"]
    assert reader.get("/api/account").status_code == 401
    assert log_in(browser(app), "reader-a").status_code == 401
    boss.patch("/api/accounts/reader-a", json={"disabled": False})
    assert log_in(browser(app), "reader-a").status_code == 200


def test_a_new_role_holds_from_the_next_login_and_the_old_session_is_over(boss: TestClient, app: FastAPI) -> None:
    keeper = browser(app)
    log_in(keeper, "keeper")
    boss.patch("/api/accounts/keeper", json={"role": "reader"})
    assert keeper.get("/api/kept").status_code == 401
    log_in(keeper, "keeper")
    assert keeper.get("/api/kept").status_code == 403


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": "reader"}])
def test_the_last_admin_stays(boss: TestClient, change: dict[str, object]) -> None:
    refused = boss.patch("/api/accounts/boss", json=change)
    assert refused.status_code == 409
    assert "only administrator" in refused.json()["detail"]
    boss.patch("/api/accounts/keeper", json={"role": "admin"})
    assert boss.patch("/api/accounts/boss", json=change).status_code == 200


def test_the_local_account_is_nobodys_to_change(boss: TestClient, peopled: Store) -> None:
    manage.local_account(peopled)
    assert boss.patch("/api/accounts/local", json={"password": NEW}).status_code == 404
    with pytest.raises(Refused, match='did you mean "reader-a"'):
        manage.change(peopled, "boss", "reader-aa", disabled=True)


def test_one_changes_ones_own_password_and_is_logged_out_everywhere(client: TestClient, app: FastAPI) -> None:
    other = browser(app)
    log_in(other, "reader-a")
    log_in(client, "reader-a")
    wrong = client.post("/api/account/password", json={"present": NEW, "new": NEW})
    assert wrong.status_code == 403
    done = client.post("/api/account/password", json={"present": SECRETS["reader-a"], "new": NEW})
    assert done.status_code == 204
    assert client.get("/api/account").status_code == 401
    assert other.get("/api/account").status_code == 401
    assert log_in(browser(app), "reader-a").status_code == 401
    assert log_in(browser(app), "reader-a", NEW).status_code == 200


def test_the_forms_of_the_page(boss: TestClient, app: FastAPI, peopled: Store) -> None:
    token = boss.headers.pop("X-CSRF-Token")
    assert boss.post("/accounts", data={"name": "reader-c", "password": NEW}).status_code == 403
    added = boss.post("/accounts", data={"name": "reader-c", "password": NEW, "csrf": token})
    assert (added.status_code, added.headers["location"]) == (303, "/accounts?added=reader-c")
    changed = boss.post("/accounts/reader-c", data={"role": "curator", "team": "", "password": "", "csrf": token})
    assert changed.status_code == 303
    boss.post("/accounts/reader-c", data={"disabled": "true", "csrf": token})
    with peopled.reading() as session:
        account = session.scalars(select(Account).where(Account.name == "reader-c")).one()
    assert (account.role, account.team, account.disabled) == ("curator", "clinic", True)
    assert right(NEW, account.password)
    data = {"present": SECRETS["boss"], "new": NEW, "again": NEW + "!", "csrf": token}
    assert boss.post("/account/password", data=data).status_code == 422
    data["again"] = NEW
    assert boss.post("/account/password", data=data).headers["location"] == "/login?out=1"
    assert log_in(browser(app), "boss", NEW).status_code == 200


def test_the_last_admin_stays_by_the_form_too(boss: TestClient) -> None:
    for change in ({"role": "reader"}, {"disabled": "true"}):
        refused = boss.post("/accounts/boss", data=change)
        assert refused.status_code == 409
        assert "only administrator" in refused.json()["detail"]
    assert boss.get("/api/account").json()["role"] == "admin"  # and nothing was ended
    boss.post("/accounts/keeper", data={"role": "admin"})
    own = boss.post("/accounts/boss", data={"role": "reader"})  # whose session is over with it
    assert (own.status_code, own.headers["location"]) == (303, "/login?out=1")
    assert boss.get("/api/account").status_code == 401


def test_a_new_password_by_the_form_ends_sessions_and_a_lock_out(boss: TestClient, app: FastAPI) -> None:
    reader = browser(app)
    log_in(reader, "reader-a")
    for _ in range(6):
        log_in(browser(app), "reader-a", "a wrong but long password")
    for weak in ("short", "reader-a reader-a reader-a", "a" * 20):
        assert boss.post("/accounts/reader-a", data={"password": weak}).status_code == 422
    assert reader.get("/api/account").status_code == 200
    changed = boss.post("/accounts/reader-a", data={"password": NEW})
    assert (changed.status_code, changed.headers["location"]) == (303, "/accounts?changed=reader-a")
    assert reader.get("/api/account").status_code == 401
    assert log_in(browser(app), "reader-a", NEW).status_code == 200


def test_changes_are_in_the_trail_without_passwords(boss: TestClient, peopled: Store) -> None:
    boss.patch("/api/accounts/reader-a", json={"password": NEW, "role": "curator"})
    with peopled.reading() as session:
        entry = session.scalars(select(Entry).order_by(Entry.sequence.desc())).first()
    assert entry is not None
    assert (entry.actor, entry.action, entry.subject) == ("boss", "account.changed", "reader-a")
    content = json.loads(entry.content)
    with peopled.reading() as session:
        stored = session.scalars(select(Account.password).where(Account.name == "reader-a")).one()
    seal = hashlib.sha256(str(stored).encode()).hexdigest()  # of a hash that is salted: nothing can be guessed from it
    assert content == {"password": "changed", "password_seal": seal, "role": "curator"}


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    folder = tmp_path / "bench"
    url = f"sqlite:///{folder / 'cutis.db'}"

    def account(*words: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        return in_process(capsys, "account", *words, "--folder", folder)

    code, _, said = account("list")
    assert code == 2
    assert "no such store" in said
    assert not folder.exists()
    code, said, _ = account("add", "first", "--role", "admin", typed=f"{NEW}\n")
    assert (code, said) == (0, "first: admin of team clinic\n")
    assert folder.stat().st_mode & 0o777 == 0o700
    code, _, said = account("add", "first", typed=NEW)
    assert (code, said) == (2, 'cutis: there is an account "first" already. Choose another name.\n')
    code, _, said = account("add", "second", typed="short")
    assert code == 2
    assert "15 or more" in said
    assert account("disable", "first")[0] == 2
    account("add", "second", typed=NEW)
    assert account("role", "second", "--role", "curator")[1].startswith("second: curator")
    assert account("disable", "second")[1] == "second: disabled; logged out everywhere\n"
    assert account("list")[1].splitlines() == [
        "first                    admin    clinic",
        "second                   curator  clinic           disabled",
    ]
    assert account("enable", "second")[1] == "second: enabled\n"
    assert account("password", "second", typed=SECRETS["boss"])[0] == 0
    store = Store.open(url)
    with store.reading() as session:
        stored = session.scalars(select(Account.password).where(Account.name == "second")).one()
        actors = {e.actor for e in session.scalars(select(Entry))}
    store.close()
    assert right(SECRETS["boss"], stored)
    assert actors == {"command line"}
    assert account("add")[2] == "cutis: which account? cutis account add NAME\n"
    assert "which role?" in account("role", "second")[2]


def test_help_says_where_the_password_comes_from() -> None:
    done = as_process("account", "--help")
    assert done.returncode == 0
    assert "standard input" in " ".join(done.stdout.replace("│", " ").split())
