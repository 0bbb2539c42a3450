"""What every answer tells a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from cutis.serve.guard.headers import HEADERS
from cutis.serve.store.engine import Store
from serve.guard.small import browser, log_in, settings_in, small


def directives(client: TestClient, path: str) -> dict[str, str]:
    policy = client.get(path).headers["content-security-policy"]
    return dict(part.strip().split(" ", 1) for part in policy.split(";"))


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere(alone: TestClient) -> None:
    found = directives(alone, "/")
    assert found["default-src"] == "'none'"
    assert found["script-src"] == found["style-src"] == "'self'"
    assert found["frame-ancestors"] == found["base-uri"] == "'none'"
    assert found["form-action"] == "'self'"
    assert "unsafe" not in str(found)
    assert "http" not in str(found)


@pytest.mark.parametrize(
    "path", ["/", "/health", "/api/account", "/api/no-such", "/api/fails?note=x", "/static/x.css", "/login"]
)
def test_every_answer_has_every_header(alone: TestClient, client: TestClient, path: str) -> None:
    for one in (alone, client):  # answered, and refused
        answer = one.get(path)
        assert {k: answer.headers.get(k) for k in HEADERS} == HEADERS
        assert "server" not in answer.headers
        assert "strict-transport-security" not in answer.headers


def test_a_foreign_host_gets_them_too(alone: TestClient) -> None:
    answer = alone.get("/", headers={"Host": "evil.example"})
    assert answer.status_code == 421
    assert {k: answer.headers.get(k) for k in HEADERS} == HEADERS


def test_nothing_is_stored_unless_a_route_says_so(alone: TestClient) -> None:
    assert alone.get("/").headers["cache-control"] == "no-store"
    assert alone.get("/api/large").headers["cache-control"] == "private, max-age=60"
    assert alone.get("/static/x.css").headers["cache-control"] == "no-cache"


def test_https_is_asked_for_again(peopled: Store, tmp_path: Path) -> None:
    client = browser(small(settings_in(tmp_path, accounts=True, proxy=True), peopled), base_url="https://skin.example")
    assert client.get("/health").headers["strict-transport-security"] == "max-age=31536000"


def test_the_camera_is_ours_alone(client: TestClient) -> None:
    log_in(client, "reader-a")
    assert "camera=(self)" in client.get("/").headers["permissions-policy"]
