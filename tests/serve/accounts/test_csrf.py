"""A request that changes something carries its session's own token, whichever way it is sent."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serve.guard.small import browser, log_in


@pytest.fixture
def reader(client: TestClient) -> TestClient:
    log_in(client, "reader-a")
    return client


def test_the_token_in_the_header(reader: TestClient) -> None:
    token = reader.headers.pop("X-CSRF-Token")
    assert reader.post("/api/things", json={}).status_code == 403
    assert reader.post("/api/things", json={}, headers={"X-CSRF-Token": token}).status_code == 200
    assert reader.post("/api/things", json={}, headers={"X-CSRF-Token": token[:-1]}).status_code == 403
    assert reader.post("/api/things", json={}, headers={"X-CSRF-Token": b"\xfc"}).status_code == 403


@pytest.mark.parametrize("files", [None, {"picture": ("a.jpg", b"x")}])
def test_the_token_in_a_form(reader: TestClient, files: dict[str, tuple[str, bytes]] | None) -> None:
    token = reader.headers.pop("X-CSRF-Token")
    assert reader.post("/api/form", data={"a": "1"}, files=files).status_code == 403
    answer = reader.post("/api/form", data={"a": "1", "csrf": token}, files=files)
    assert answer.json() == ["a", "csrf", *(["picture"] if files else [])]


def test_a_file_named_like_the_field_is_no_token(reader: TestClient) -> None:
    token = reader.headers.pop("X-CSRF-Token")
    assert reader.post("/api/form", files={"csrf": ("csrf", token.encode())}).status_code == 403


def test_a_raw_body_needs_the_header(reader: TestClient) -> None:
    token = reader.headers.pop("X-CSRF-Token")
    given = {"content": b"csrf=" + token.encode(), "headers": {"Content-Type": "image/jpeg"}}
    assert reader.post("/api/upload", **given).status_code == 403
    given["headers"]["X-CSRF-Token"] = token
    assert reader.post("/api/upload", **given).json() == {"bytes": len(given["content"])}


def test_the_token_of_another_session_is_none(reader: TestClient, app: FastAPI) -> None:
    other = browser(app)
    log_in(other, "reader-b")
    reader.headers["X-CSRF-Token"] = other.headers["X-CSRF-Token"]
    assert reader.post("/api/things", json={}).status_code == 403


def test_logging_out_needs_it_too(reader: TestClient) -> None:
    reader.headers.pop("X-CSRF-Token")
    assert reader.post("/logout").status_code == 403
    assert reader.get("/api/account").status_code == 200


def test_without_accounts_there_is_no_token_but_the_origin_counts(alone: TestClient) -> None:
    assert alone.post("/api/things", json={}).status_code == 200
    assert alone.post("/api/things", json={}, headers={"Origin": "http://127.0.0.1:8642"}).status_code == 200
    assert alone.post("/api/things", json={}, headers={"Origin": "https://evil.example"}).status_code == 403
    assert alone.post("/api/things", json={}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_a_foreign_page_can_log_nobody_in(client: TestClient) -> None:
    """Login CSRF: there is no session yet whose token could be asked for."""
    from serve.guard.small import SECRETS

    data = {"name": "reader-a", "password": SECRETS["reader-a"]}
    assert client.post("/login", data=data, headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.post("/login", data=data, headers={"Origin": "null"}).status_code == 403
    assert client.post("/login", data=data, headers={"Sec-Fetch-Site": "same-site"}).status_code == 403
    assert "cutis" not in client.cookies
