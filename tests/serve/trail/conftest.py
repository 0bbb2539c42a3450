"""A workbench that was worked in: cases, readings and accounts, whose trail is whole."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from cutis.serve.accounts.manage import add, change, local_account
from cutis.serve.store.engine import Store
from cutis.serve.store.tables import NOBODYS, Base
from serve.guard.conftest import quick_hashes
from serve.guard.small import SECRETS, browser, log_in

__all__ = ["quick_hashes"]


@dataclass(frozen=True)
class Worked:
    """folder: of a workbench that is closed. first, second: ids of its cases; first is signed, second was read blind by
    reader-a and then signed by reader-b, third waits and came as DICOM."""

    folder: Path
    first: str
    second: str
    third: str

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'cutis.db'}"


@pytest.fixture(scope="module")
def worked(
    opened: Callable[..., Any],
    photographs: list[bytes],
    tmp_path_factory: pytest.TempPathFactory,
) -> Worked:
    folder = tmp_path_factory.mktemp("worked")
    with opened(folder, accounts=True, blind=True) as client:
        store = client.app.state.workbench.store
        for name, role in (("boss", "admin"), ("reader-a", "reader"), ("reader-b", "reader")):
            add(store, "command line", name, SECRETS[name], "reader" if name == "boss" else role, "clinic")
        change(store, "command line", "boss", role="admin")
        for name, role in NOBODYS.items():
            local_account(store, name, role)
        people = {name: browser(client.app) for name in ("reader-a", "reader-b")}
        for name, made in people.items():
            made.portal = client.portal
            assert log_in(made, name).status_code == 200
        cases = [
            _case(people["reader-a"], photographs[:2], patient="4711", age="54", note="grows since the harvest"),
            _case(people["reader-a"], photographs[2:3]),
            _case(people["reader-b"], [_dicom()]),
        ]
        for reader, case, kind in (
            ("reader-a", 0, "blind"),
            ("reader-a", 0, "signed"),
            ("reader-a", 1, "blind"),
            ("reader-b", 1, "blind"),
            ("reader-b", 1, "signed"),
        ):
            _read(people[reader], cases[case], kind)
    return Worked(folder, *cases)


def _case(client: Any, pictures: list[bytes], **known: str) -> str:
    files = [("pictures", ("picture", data, "application/octet-stream")) for data in pictures]
    answer = client.post("/api/cases", files=files, data={"kind": ["dermoscopy"] * len(pictures), **known})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def _read(client: Any, case: str, kind: str) -> None:
    why = "by its history" if kind == "signed" else ""
    given = {"kind": kind, "diagnosis": "nv", "confidence": 80, "override": why}
    answer = client.post(f"/api/cases/{case}/readings", json=given)
    assert answer.status_code == 201, answer.text


def _dicom() -> bytes:
    world = pytest.importorskip("data.dicom_world")
    import numpy as np

    out = io.BytesIO()
    tags = world.tags_of(np.random.default_rng(0).integers(90, 200, (90, 120, 3), np.uint8))
    tags.preamble = bytes(128)
    tags.save_as(out, enforce_file_format=True)
    return out.getvalue()


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def tampered(request: pytest.FixtureRequest, worked: Worked, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """tampered(*statements): a context with a session of the worked store, in each of the databases, in which SQL was
    done to it as by who owns it; undone at its end. {first} and the like in the SQL are the ids of its cases."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("tampered") / "cutis.db"
        shutil.copyfile(worked.folder / "cutis.db", path)
        store = Store.open(f"sqlite:///{path}")
    else:
        store = Store.open(request.getfixturevalue("postgres").url())
        source = Store.open(worked.url)
        _copy(source, store)
        source.close()

    @contextmanager
    def done(*statements: str) -> Iterator[Session]:
        with store.engine.connect() as connection, Session(connection) as session:
            for table in ("readings", "trail") if store.engine.dialect.name == "postgresql" else ():
                session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
            dropped = []
            if store.engine.dialect.name == "sqlite":
                dropped = session.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
            for name, _ in dropped:
                session.execute(text(f"DROP TRIGGER {name}"))
            for statement in statements:
                session.execute(text(statement.format(**vars(worked))))
            for table in ("readings", "trail") if store.engine.dialect.name == "postgresql" else ():
                session.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER ALL"))
            for _, sql in dropped:
                session.execute(text(sql))
            yield session
            session.rollback()

    yield done
    store.close()


def _copy(source: Store, target: Store) -> None:
    """All rows, into an empty store."""
    with source.reading() as there, target.begin() as here:
        here.execute(text("DELETE FROM identity"))
        for table in Base.metadata.sorted_tables:
            if rows := [dict(row) for row in there.execute(select(table)).mappings()]:
                here.execute(insert(table), rows)


@pytest.fixture
def copy(worked: Worked, tmp_path: Path) -> Worked:
    """A copy of the worked workbench, files and all, to tamper with."""
    shutil.copytree(worked.folder, tmp_path / "copy")
    return Worked(tmp_path / "copy", worked.first, worked.second, worked.third)
