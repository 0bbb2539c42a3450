"""A case that is asked for twice under one key is opened once: again, at once, after a restart, in both databases."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from cutis.serve import trail
from cutis.serve.cases import CaseForm, Key
from cutis.serve.kinds import Refused, Who
from cutis.serve.store.engine import Store
from cutis.serve.store.tables import Account, Case, Request, now

UUID = "8e03978e-40d5-43e8-bc93-6894a57f9324"


def ask(client: Any, picture: bytes, key: str | None = UUID, **fields: Any) -> httpx.Response:
    files = [("pictures", ("a.jpg", picture, "image/jpeg"))]
    headers = {"Idempotency-Key": key} if key is not None else {}
    answer: httpx.Response = client.post(
        "/api/cases", files=files, data={"kind": "dermoscopy", **fields}, headers=headers
    )
    return answer


def number(client: TestClient) -> int:
    with client.app.state.workbench.store.reading() as session:  # type: ignore[attr-defined]
        return session.scalar(select(func.count()).select_from(Case)) or 0


@pytest.fixture
def started(opened: Callable[..., Any], store_url: str, tmp_path: Path) -> Callable[[], Any]:
    """started(): a workbench over the same store and folder each time."""

    @contextlib.contextmanager
    def start() -> Iterator[TestClient]:
        with opened(tmp_path, store=store_url) as client:
            yield client

    return start


def test_again_and_after_a_restart(started: Callable[[], Any], photographs: list[bytes]) -> None:
    with started() as client:
        first = ask(client, photographs[0], patient="4711", note="grew")
        assert first.status_code == 201, first.text
        again = ask(client, photographs[0], f'"{UUID}"', patient=" 4711", note="grew ")  # quoted, as the draft has it
        assert (again.status_code, again.json()) == (201, first.json())
    with started() as client:
        again = ask(client, photographs[0], patient="4711", note="grew")
        assert (again.status_code, again.json()) == (201, first.json())
        for changed in (
            {"picture": photographs[1], "patient": "4711", "note": "grew"},
            {"picture": photographs[0], "patient": "4712", "note": "grew"},
            {"picture": photographs[0], "patient": "4711", "note": "grew", "kind": "overview"},
            {"picture": photographs[0], "patient": "4711", "note": "shrank"},
        ):
            other = ask(client, **changed)
            assert other.status_code == 422, changed
            assert other.json()["detail"].startswith("Idempotency-Key: sent before with another content")
        assert number(client) == 1
        for key in ("another", None, None):  # without a key each request is its own
            assert ask(client, photographs[0], key, patient="4711", note="grew").status_code == 201
        assert number(client) == 4
        with client.app.state.workbench.store.reading() as session:
            assert set(session.scalars(select(Request.key))) == {"another", UUID}


def test_at_the_same_moment(started: Callable[[], Any], photographs: list[bytes]) -> None:
    with started() as client:
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _: ask(client, photographs[2], "crowd"), range(6)))
        assert [a.status_code for a in answers] == [201] * 6, [a.text for a in answers if a.status_code != 201]
        assert len({a.json()["id"] for a in answers}) == number(client) == 1
        with client.app.state.workbench.store.reading() as session:
            assert trail.verify(trail.links(session)).broken is None
            assert len(trail.of_subject(session, answers[0].json()["id"])) == 2  # opened, predicted


def test_what_was_refused_may_be_sent_again(bench: TestClient, photographs: list[bytes]) -> None:
    before = number(bench)
    assert ask(bench, b"no picture", "again").status_code in (415, 422)
    assert ask(bench, photographs[3], "again", site="elbo").status_code == 422
    assert ask(bench, photographs[3], "again").status_code == 201
    assert number(bench) == before + 1


@pytest.mark.parametrize("key", ["", " ", "x" * 258, '"' + "x" * 256 + '"', "x" * 256, '""', "é"])
def test_no_key(bench: TestClient, photographs: list[bytes], key: str) -> None:
    before = number(bench)
    files = [("pictures", ("a.jpg", photographs[4], "image/jpeg"))]
    sent = {"Idempotency-Key": key.encode()}
    answer = bench.post("/api/cases", files=files, data={"kind": "dermoscopy"}, headers=sent)  # type: ignore[arg-type]
    assert answer.status_code == 422, answer.text
    assert "Idempotency-Key" in answer.json()["detail"]
    assert number(bench) == before


def test_the_longest_key(bench: TestClient, photographs: list[bytes]) -> None:
    for key in ("y" * 255, '"' + "z" * 255 + '"'):
        assert ask(bench, photographs[4], key).status_code == 201


def test_a_key_is_one_accounts_for_a_week(store: Store) -> None:
    who = [Who(i, f"reader-{i}", "reader", "clinic") for i in (1, 2)]
    key = Key.of("k", CaseForm(), [("overview", b"picture")])
    with store.begin() as session:
        session.add_all([Account(name=one.name, role="reader", team="clinic") for one in who])
        session.flush()
        cases = [Case(id=name, team="clinic", opened_by=1) for name in "abc"]
        session.add_all(cases)
        session.flush()
        for one, case in zip(who, cases, strict=False):  # the same key, of two accounts
            key.note(session, one, case)
    with pytest.raises(IntegrityError), store.begin() as session:
        key.note(session, who[0], cases[2])
    with store.begin() as session:
        session.get_one(Request, (1, "k")).created_at = now() - timedelta(days=6, hours=23)
        session.get_one(Request, (2, "k")).created_at = now() - timedelta(days=7, hours=1)
    with store.begin() as session:
        Key("other", key.content).note(session, who[0], cases[2])
    with store.reading() as session:
        assert {(r.account_id, r.key) for r in session.scalars(select(Request))} == {(1, "k"), (1, "other")}


def test_a_key_holds_all_that_was_sent() -> None:
    form, files = CaseForm(age=50), [("overview", b"a"), ("dermoscopy", b"b")]
    same = Key.of("k", form, files)
    assert Key.of('"k"', CaseForm(age=50), list(files)) == same
    for other in (
        (CaseForm(age=51), files),
        (form, files[::-1]),
        (form, [("overview", b"a")]),
        (form, [("dermoscopy", b"a"), ("overview", b"b")]),
    ):
        assert Key.of("k", *other).content != same.content
    with pytest.raises(Refused, match="printable ASCII"):
        Key.of("a\tb", form, files)


def test_the_openapi_describes_the_key(bench: TestClient) -> None:
    asked = bench.app.openapi()["paths"]["/api/cases"]["post"]["parameters"]  # type: ignore[attr-defined]
    [header] = [p for p in asked if p["in"] == "header"]
    assert header["name"] == "Idempotency-Key"
    assert not header["required"]
    assert "nothing is opened twice" in bench.app.openapi()["paths"]["/api/cases"]["post"]["description"]  # type: ignore[attr-defined]
