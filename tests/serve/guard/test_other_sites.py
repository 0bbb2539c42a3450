"""Foreign names for this host (DNS rebinding), and foreign pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from cutis.serve.guard.sites import host_name
from cutis.serve.store.engine import Store
from serve.guard.small import browser, settings_in, small


@pytest.mark.parametrize("host", ["127.0.0.1:8642", "localhost", "LOCALHOST:1", "[::1]:8642"])
def test_without_accounts_loopback_is_answered(alone: TestClient, host: str) -> None:
    assert alone.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8642", "192.168.0.7"]
)
def test_and_no_other_name(alone: TestClient, host: str) -> None:
    answer = alone.get("/api/account", headers={"Host": host})
    assert answer.status_code == 421
    assert "127.0.0.1" in answer.json()["detail"]


@pytest.mark.parametrize("host", ["", "a b", "user@localhost", "localhost:99999999", "localhost/", "[::1", "<script>"])
def test_a_host_that_is_none(alone: TestClient, host: str) -> None:
    assert alone.get("/api/account", headers={"Host": host}).status_code == 400


def test_with_accounts_the_names_given_count(peopled: Store, tmp_path: Path) -> None:
    app = small(settings_in(tmp_path, accounts=True, proxy=True, names=("Skin.example",)), peopled)
    client = browser(app)
    assert client.get("/health", headers={"Host": "skin.example"}).status_code == 200
    assert client.get("/health", headers={"Host": "localhost:8642"}).status_code == 200
    assert client.get("/health", headers={"Host": "other.example"}).status_code == 421


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8642"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:8643"},
    {"Origin": "http://[bad"},
    {"Origin": "http://127.0.0.1:8642.evil.example"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_foreign_page_changes_nothing(alone: TestClient, headers: dict[str, str]) -> None:
    assert alone.post("/api/things", json={}, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8642"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://127.0.0.1:8642"},
    ],
)
def test_our_own_pages_and_programs_do(alone: TestClient, headers: dict[str, str]) -> None:
    assert alone.post("/api/things", json={}, headers=headers).status_code == 200


def test_a_link_from_elsewhere_leads_here_but_nothing_is_embedded_there(alone: TestClient) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert alone.get("/", headers=link).status_code == 200
    assert (
        alone.get("/api/large", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}).status_code
        == 403
    )


def test_over_https_a_plain_origin_is_foreign(peopled: Store, tmp_path: Path) -> None:
    client = browser(small(settings_in(tmp_path, accounts=True, proxy=True), peopled), base_url="https://skin.example")
    assert client.post("/login", headers={"Origin": "http://skin.example"}).status_code == 403
    assert client.post("/login", headers={"Origin": "https://skin.example"}).status_code == 422


@given(st.text(max_size=40))
def test_a_host_name_is_a_plain_name_or_none(text: str) -> None:
    name = host_name(text)
    assert name is None or (name and not set(name) & set("/@\\ <>\"'\r\n"))
