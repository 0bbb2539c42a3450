from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient

from cutis.serve.accounts import passwords
from cutis.serve.accounts.manage import add
from cutis.serve.store.engine import Store
from serve.guard.small import SECRETS, browser, endless_tries, log_in, people, settings_in, small

REAL = passwords.HASHER


@pytest.fixture(scope="session")
def real_hasher() -> PasswordHasher:
    """The one of the product."""
    return REAL


@pytest.fixture(scope="session", autouse=True)
def quick_hashes() -> Iterator[None]:
    """argon2id with the least work, so that tests of other things are quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        passwords._nobody.cache_clear()
        yield
    passwords._nobody.cache_clear()


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """empty.db and people.db, to be copied: quicker than making the tables and hashing each time."""
    folder = tmp_path_factory.mktemp("stores")
    for name, fill in (("empty", None), ("people", people)):
        made = Store.open(f"sqlite:///{folder / name}.db")
        if fill:
            fill(made)
        made.close()
    return folder


@pytest.fixture
def store(templates: Path, tmp_path: Path) -> Iterator[Store]:
    """One without anybody."""
    yield from _copy(templates / "empty.db", tmp_path / "cutis.db")


@pytest.fixture
def peopled(templates: Path, tmp_path: Path) -> Iterator[Store]:
    """One with the accounts of small.py: SECRETS, ROLES and TEAMS. The same file as `store`'s."""
    yield from _copy(templates / "people.db", tmp_path / "cutis.db")


@pytest.fixture(scope="module")
def fortress(opened: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The whole workbench with accounts: those of small.py, and more in the team elsewhere."""
    with opened(tmp_path_factory.mktemp("fortress"), accounts=True) as client:
        kept = client.app.state.workbench.store
        people(kept)
        for name, role in (("boss-b", "admin"), ("keeper-b", "curator")):
            add(kept, "test", name, SECRETS["boss"], role, "elsewhere")
        client.app.state.password_tries = endless_tries()
        yield client


@pytest.fixture(scope="module")
def signed_in(fortress: TestClient) -> Callable[[str | None], TestClient]:
    """signed_in(name): a browser of its own, logged in to the fortress; None: one that is nobody's."""

    @cache
    def open_(name: str | None) -> TestClient:
        made = browser(fortress.app)  # type: ignore[arg-type]
        made.portal = fortress.portal  # the running server's loop
        if name is not None:
            assert log_in(made, name, SECRETS.get(name, SECRETS["boss"])).status_code == 200
        return made

    return open_


@dataclass(frozen=True)
class Victim:
    """What the team clinic has: a case of one photograph, and words that nobody else may see."""

    case: str
    photograph: str
    note: str = "grows since the harvest"


@pytest.fixture(scope="module")
def victim(signed_in: Callable[[str | None], TestClient], photographs: list[bytes]) -> Victim:
    answer = signed_in("reader-a").post(
        "/api/cases",
        files=[("pictures", ("../../mrs-miller.jpg", photographs[0], "image/jpeg"))],
        data={"kind": "dermoscopy", "patient": "MRN 47110815", "note": Victim.note, "age": "54"},
    )
    assert answer.status_code == 201, answer.text
    return Victim(answer.json()["id"], answer.json()["photographs"][0]["id"])


def _copy(template: Path, path: Path) -> Iterator[Store]:
    shutil.copyfile(template, path)
    opened = Store.open(f"sqlite:///{path}")
    yield opened
    opened.close()


@pytest.fixture
def alone(store: Store, tmp_path: Path) -> TestClient:
    """A small server without accounts."""
    return browser(small(settings_in(tmp_path), store))


@pytest.fixture
def app(peopled: Store, tmp_path: Path) -> FastAPI:
    """A small server with accounts."""
    return small(settings_in(tmp_path, accounts=True), peopled)


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return browser(app)
