"""Who gets at what, over every route there is: nobody without a login, nothing of another team, no change without the
page's token."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from serve.guard.conftest import Victim
from serve.guard.routes import BODIES, OPEN, OTHERS, SAFE, STATELESS, Known, every

Browsers = Callable[[str | None], TestClient]
NOWHERE = {"cases": "AAAAAAAAAAAAAAAA", "photographs": "BBBBBBBBBBBBBBBB"}


def ids(victim: Victim) -> dict[str, str]:
    return {"cases": victim.case, "photographs": victim.photograph}


def theirs(client: TestClient) -> list[Known]:
    """The routes about a case or a photograph."""
    return [route for route in every(client.app) if route.about & NOWHERE.keys()]  # type: ignore[arg-type]


def test_the_routes_are_found(fortress: TestClient) -> None:
    found = {(r.method, r.shape) for r in every(fortress.app)}  # type: ignore[arg-type]
    assert {("GET", "/"), ("GET", "/cases/{}"), ("POST", "/api/cases"), ("POST", "/dicomweb/studies")} <= found
    assert {("GET", "/api/photographs/{}/image"), ("PATCH", "/api/accounts/{}")} <= found
    assert len(found) > 30


def test_each_parameter_of_a_path_is_known_here(fortress: TestClient) -> None:
    """A new route about something else must say here whose it is; one that changes a case, what it takes."""
    for route in every(fortress.app):  # type: ignore[arg-type]
        assert route.about <= NOWHERE.keys() | OTHERS.keys(), f"{route.path}: whose is it? Add it to routes.OTHERS"
        if route.about & NOWHERE.keys() and route.method not in SAFE:
            assert route.shape in BODIES, f"{route.path}: add a body that would succeed to routes.BODIES"


def test_nothing_is_open_but_the_login(signed_in: Browsers, victim: Victim, fortress: TestClient) -> None:
    nobody = signed_in(None)
    for route in every(fortress.app):  # type: ignore[arg-type]
        path = route.filled(ids(victim))
        if (route.method, route.path) in OPEN:
            assert nobody.request(route.method, path).status_code in (200, 422), route
            continue
        answer = nobody.request(route.method, path, **BODIES.get(route.shape, {}))
        assert answer.status_code == 401, route
        page = nobody.request(route.method, path, headers={"Accept": "text/html"})
        assert page.status_code in (401, 303), route
        if page.status_code == 303:
            assert page.headers["location"].startswith("/login?next=%2F"), route
        assert nobody.get("/openapi.json").status_code == 401


@pytest.mark.parametrize("stranger", ["reader-b", "keeper-b", "boss-b"])
def test_what_another_team_has_is_as_if_it_were_not_there(
    signed_in: Browsers, victim: Victim, fortress: TestClient, stranger: str
) -> None:
    """404 and never 403, in the words of an id that was never given out, whatever the stranger's role."""
    client = signed_in(stranger)
    for route in theirs(fortress):
        body = BODIES.get(route.shape, {})
        real = client.request(route.method, route.filled(ids(victim)), **body)
        made_up = client.request(route.method, route.filled(NOWHERE), **body)
        assert real.status_code == made_up.status_code, (route, real.text)
        assert route.shape in STATELESS or real.status_code == 404, (route, real.text)
        said, other = real.text, made_up.text
        for key, value in ids(victim).items():
            said = said.replace(value, NOWHERE[key])
        assert said == other, route
        assert victim.note not in real.text, route


@pytest.mark.parametrize("stranger", ["reader-b", "keeper-b", "boss-b"])
def test_no_list_shows_another_teams_things(
    signed_in: Browsers, victim: Victim, fortress: TestClient, stranger: str
) -> None:
    client = signed_in(stranger)
    for route in every(fortress.app):  # type: ignore[arg-type]
        if route.method != "GET" or route.about:
            continue
        for query in ({}, dict.fromkeys(route.query, victim.case[:6]), dict.fromkeys(route.query, victim.note)):
            answer = client.get(route.path, params=query)
            assert answer.status_code < 500, route
            for secret in (victim.photograph, "47110815", "reader-a</td"):
                assert secret not in answer.text, route
            if not query:
                assert victim.case not in answer.text, route
                assert victim.note not in answer.text, route
    assert client.get("/api/cases", params={"state": "all"}).json()["cases"] == []
    assert client.post("/api/search", json={"state": "all", "text": victim.case}).json()["cases"] == []


def test_the_owner_gets_at_all_of_it(signed_in: Browsers, victim: Victim, fortress: TestClient) -> None:
    """Else the tests above would say nothing."""
    client = signed_in("reader-a")
    for route in theirs(fortress):
        answer = client.request(route.method, route.filled(ids(victim)), **BODIES.get(route.shape, {}))
        assert answer.status_code not in (401, 404, 405), (route, answer.text)
        assert answer.status_code < 500, (route, answer.text)
    assert victim.note in client.get(f"/api/cases/{victim.case}").text


def test_no_change_without_the_sessions_token(signed_in: Browsers, victim: Victim, fortress: TestClient) -> None:
    client = signed_in("boss")
    token = client.headers.pop("X-CSRF-Token")
    try:
        for route in every(fortress.app):  # type: ignore[arg-type]
            if route.method in SAFE or route.path == "/login":
                continue
            path, body = route.filled(ids(victim)), BODIES.get(route.shape, {})
            answer = client.request(route.method, path, **body)
            assert answer.status_code in (403, 422), (route, answer.text)
            if answer.status_code == 422:  # its body is looked at first, and isn't one
                assert not body, route
            foreign = {"X-CSRF-Token": token, "Origin": "https://evil.example"}
            assert client.request(route.method, path, headers=foreign, **body).status_code == 403, route
    finally:
        client.headers["X-CSRF-Token"] = token
    assert client.get("/api/account").status_code == 200


def test_the_names_of_uploads_are_kept_nowhere(fortress: TestClient, signed_in: Browsers, victim: Victim) -> None:
    folder = fortress.app.state.workbench.settings.files.parent  # type: ignore[attr-defined]
    stored = [path for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in stored if "miller" in path.name]
    assert all(path.resolve().is_relative_to(folder.resolve()) for path in stored)
    assert not [path for path in stored if b"miller" in path.read_bytes() or b"47110815" in path.read_bytes()]
    assert "miller" not in signed_in("boss").get("/api/trail").text


def test_what_may_be_asked_instead_is_all_of_it(fortress: TestClient, signed_in: Browsers) -> None:
    answer = signed_in("boss").delete("/api/accounts")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, POST"
