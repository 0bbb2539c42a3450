"""The store: made, migrated, refused, busy, full, restarted; in SQLite and in PostgreSQL."""

from __future__ import annotations

import contextlib
import gc
import sqlite3
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, make_url, select, text
from sqlalchemy.exc import DBAPIError

from cutis.errors import CutisError
from cutis.serve.kinds import Refused
from cutis.serve.store import engine as engine_module
from cutis.serve.store.engine import Store, store_in
from cutis.serve.store.migrate import revision
from cutis.serve.store.tables import Account, Base, Case, Moment, Reading


def account(name: str = "reader") -> Account:
    return Account(name=name, role="reader", team="clinic")


def test_the_migrations_make_the_tables(store: Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    assert set(inspect(store.engine).get_table_names()) == {*Base.metadata.tables, "alembic_version"}


def test_opened_again_it_holds_what_was_committed(store_url: str) -> None:
    for name in ("one", "two"):
        made = Store.open(store_url, create=name == "one")
        with made.begin() as session:
            session.add(account(name))
        made.close()
    made = Store.open(store_url)
    with made.reading() as session:
        assert sorted(session.scalars(select(Account.name))) == ["one", "two"]
    made.close()


def test_two_servers_start_at_once(store_url: str) -> None:
    found: list[Any] = []

    def start() -> None:
        try:
            found.append(Store.open(store_url))
        except BaseException as error:
            found.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(one) for one in found] == [Store] * 4, found
    assert revision(found[0].engine) is not None
    for one in found:
        one.close()


def test_a_block_that_raises_leaves_nothing(store: Store) -> None:
    def fails() -> None:
        with store.begin() as session:
            session.add(account())
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    with store.reading() as session:
        assert session.scalar(select(Account)) is None


def test_reading_writes_nothing_and_waits_for_no_writer(store: Store) -> None:
    with store.begin() as session:
        session.add(account("first"))
    with store.begin() as writing:
        writing.add(account("second"))
        writing.flush()
        with store.reading() as session:
            assert list(session.scalars(select(Account.name))) == ["first"]
    with pytest.raises(DBAPIError), store.reading() as session:
        session.execute(text("UPDATE accounts SET role = 'admin'"))
    with store.begin() as session:  # and the connection that read can write again
        assert len(session.scalars(select(Account)).all()) == 2
        session.add(account("fourth"))


def test_writers_take_turns(store: Store) -> None:
    """Each reads, waits, and writes what it read plus one; none is lost, none is refused."""
    with store.begin() as session:
        session.add(account())

    def add() -> None:
        for _ in range(5):
            with store.begin() as session:
                one = session.scalars(select(Account).with_for_update()).one()
                one.failures += 1

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as session:
        assert session.scalars(select(Account.failures)).one() == 40


def test_who_waits_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "WAIT", 0.1)
    store = Store.open(f"sqlite:///{tmp_path / 'c.db'}")
    other = Store.open(f"sqlite:///{tmp_path / 'c.db'}")  # as another process would have it
    with store.begin() as session:
        session.add(account())
        session.flush()
        for busy in (store, other):
            with pytest.raises(Refused) as told, busy.begin() as late:
                late.execute(select(Account.id))
            assert (told.value.status, told.value.retry_after) == (503, 5)
    store.close()
    other.close()


def test_what_was_signed_stays(store: Store) -> None:
    with store.begin() as session:
        session.add(account())
        session.flush()
        session.add(Case(id="c", team="clinic", opened_by=1))
        session.flush()
        session.add(Reading(case_id="c", account_id=1, kind="signed", diagnosis="nv"))
    changes = ["UPDATE readings SET diagnosis = 'mel'", "DELETE FROM readings", "DELETE FROM cases"]
    changes.append(
        "TRUNCATE readings"
        if store.engine.dialect.name == "postgresql"
        else "REPLACE INTO readings SELECT * FROM readings"
    )
    for change in changes:
        with pytest.raises(DBAPIError, match="only ever added"), store.begin() as session:
            session.execute(text(change))
    with store.reading() as session:
        assert session.scalars(select(Reading.diagnosis)).all() == ["nv"]


def test_times_keep_their_instant(store: Store) -> None:
    there = datetime(2026, 3, 29, 2, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    with store.begin() as session:
        session.add(Account(name="a", role="reader", locked_until=there))
    with store.reading() as session:
        got = session.scalars(select(Account.locked_until)).one()
        assert got == there
        assert got.tzinfo == UTC
        assert session.scalar(select(Account.id).where(Account.locked_until == there)) == 1
    assert Moment().process_bind_param(None, store.engine.dialect) is None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("cutis.db", "not the URL of a database"),
        ("mysql://host/name", "SQLite and PostgreSQL"),
        ("sqlite://", "would forget everything"),
        ("sqlite:///:memory:", "would forget everything"),
        ("postgres://cutis:secret@127.0.0.1:1/none", "Check that the server runs"),
    ],
)
def test_what_cannot_be_opened(url: str, words: str) -> None:
    with pytest.raises(CutisError, match=words) as told:
        Store.open(url)
    assert "secret" not in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("mode", "tls"),
    [(None, None), ("prefer", None), ("disable", False), ("require", True), ("verify-full", True)],
)
def test_whether_the_way_to_the_database_is_encrypted(mode: str | None, tls: bool | None) -> None:
    where, options = engine_module._encryption(
        make_url("postgresql+pg8000://h/n" + (f"?sslmode={mode}" if mode else ""))
    )
    assert options.get("ssl_context") is tls
    assert "sslmode" not in where.query


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(b"\xff\xd8" * 3000)
    with pytest.raises(CutisError, match=r"picture\.jpg: can't be opened"):
        Store.open(f"sqlite:///{picture}")
    with pytest.raises(CutisError, match="not a file"):
        Store.open(f"sqlite:///{tmp_path}")
    with pytest.raises(CutisError, match="no such store"):
        Store.open(f"sqlite:///{tmp_path / 'typo.db'}", create=False)
    assert not (tmp_path / "typo.db").exists()
    assert picture.read_bytes() == b"\xff\xd8" * 3000


def test_a_database_of_something_else(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE things (name TEXT)")
    with pytest.raises(CutisError, match="holds no workbench"):
        Store.open(f"sqlite:///{tmp_path / 'other.db'}", create=False)
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("things",)]


def test_a_store_of_a_newer_cutis_is_left_alone(store: Store, store_url: str) -> None:
    with store.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CutisError, match="newer Cutis") as told:
        Store.open(store_url)
    assert "Upgrade Cutis" in str(told.value)
    assert revision(store.engine) == "9999"


def test_its_owner_only(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'new' / 'c.db'}")
    with store.begin() as session:
        session.add(account())
    assert {p.name: p.stat().st_mode & 0o777 for p in (tmp_path / "new").iterdir()} == {
        "c.db": 0o600,
        "c.db-wal": 0o600,
        "c.db-shm": 0o600,
    }
    store.close()


_FULL = """
import resource, sys
from sqlalchemy import select
from cutis.serve.kinds import Refused
from cutis.serve.store.engine import Store
from cutis.serve.store.tables import Account
store = Store.open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
kept = 0
try:
    for i in range(1000):
        with store.begin() as session:
            session.add(Account(name=f"{i:04}" + "x" * 60, role="reader", password="y" * 255))
        kept += 1
except Refused as told:
    print(told.status, kept, told)
with store.reading() as session:
    assert len(session.scalars(select(Account.id)).all()) == kept
store.close()
"""


def test_a_full_disk_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    """The limit on a file's size is the kernel's own; SQLite meets it as it meets a full disk."""
    url = f"sqlite:///{tmp_path / 'c.db'}"
    done = subprocess.run([sys.executable, "-c", _FULL, url], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    status, kept, *words = done.stdout.split()
    assert status == "507"
    assert int(kept) > 10
    assert "disk is full" in " ".join(words)
    store = Store.open(url)
    with store.begin() as session:  # with room again, it goes on
        assert len(session.scalars(select(Account.id)).all()) == int(kept)
        session.add(account())
    store.close()


@pytest.fixture
def restarted(postgres: Any) -> Iterator[Any]:
    """PostgreSQL to be stopped by the test; it runs again afterwards in any case."""
    yield postgres
    with contextlib.suppress(AssertionError):
        postgres.start()
    with warnings.catch_warnings():  # pg8000 leaves the socket of a broken connection to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_a_restart_of_the_database_heals(restarted: Any) -> None:
    store = Store.open(restarted.url())
    with store.begin() as session:
        session.add(account("before"))
    restarted.stop()
    with pytest.raises(Refused) as told, store.begin() as session:
        session.add(account("meanwhile"))
    assert (told.value.status, told.value.retry_after) == (503, 5)
    restarted.start()
    with store.begin() as session:
        session.add(account("after"))
    with store.reading() as session:
        assert sorted(session.scalars(select(Account.name))) == ["after", "before"]
    store.close()


def test_a_restart_within_a_transaction_is_told(restarted: Any) -> None:
    store = Store.open(restarted.url())

    def interrupted() -> None:
        with store.begin() as session:
            session.add(account("lost"))
            session.flush()
            restarted.stop()
            restarted.start()

    with pytest.raises(Refused) as told:
        interrupted()
    assert told.value.status == 503
    with store.reading() as session:
        assert session.scalars(select(Account.name)).all() == []
    store.close()


@pytest.mark.parametrize("name", ["plain", "a?b", "50%20", "a#b", "x y", "ä"])
def test_a_workbenchs_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    Store.open(store_in(folder)).close()
    assert {path.name for path in folder.iterdir()} >= {"cutis.db"}
    assert [path.name for path in tmp_path.iterdir()] == [name]
