"""SQL, HTML, templates, headers and paths in every text that a request may carry."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from cutis.serve.store.tables import Account, Case, Entry, Reading
from serve.guard.routes import every

Browsers = Callable[[str | None], TestClient]
SQL = ["'; DROP TABLE cases; --", "' OR '1'='1", "x') OR 1=1 --", "%", "_", "\\", "1; SELECT pg_sleep(9)"]
HTML = [
    "<script>alert(7)</script>",
    '"><img src=x onerror=alert(7)>',
    "' onmouseover='alert(7)",
    "</textarea><script>alert(7)</script>",
    "javascript:alert(7)",
    "{{7*191}}{% raw %}${7*191}#{7*191}",
]
ODD = [
    "a\x00b",
    "a\r\nSet-Cookie: x=y",
    "\u202egnp.exe",
    "\ud800",
    "\ufffe",
    "\U0001f9d1\u200d\u2695",
    "%00",
    "../../etc/passwd",
]
EVIL = [*SQL, *HTML, *ODD]


class Scripts(HTMLParser):
    """Finds what a browser would run, or load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {k: v or "" for k, v in attrs}
        for name, value in given.items():
            if name.startswith("on") or (name in ("href", "src", "action") and "script:" in value.casefold()):
                self.found.append(f"<{tag} {name}={value!r}>")
            if name in ("src", "href", "action") and re.match(r"\s*(https?:)?//", value) and tag != "a":
                self.found.append(f"<{tag} {name}={value!r}>")
        if tag == "script" and not given.get("src", "").startswith("/static/"):
            self.found.append("<script>")
        if tag == "style" or "style" in given:
            self.found.append(f"<{tag}> with a style")

    @classmethod
    def of(cls, text: str) -> list[str]:
        parser = cls()
        parser.feed(text)
        return parser.found


def test_the_parser_sees_what_it_should() -> None:
    for text in (HTML[0], HTML[1], "<a href='javascript:x'>", "<p style='x'>", "<img src='//evil.example/x'>"):
        assert Scripts.of(text), text
    assert Scripts.of('<script src="/static/js/main.js"></script><p title="&lt;script&gt;">') == []


def counts(client: TestClient) -> dict[str, int]:
    with client.app.state.workbench.store.reading() as session:  # type: ignore[attr-defined]
        return {
            t.__tablename__: session.scalar(select(func.count()).select_from(t)) or 0
            for t in (Account, Case, Reading, Entry)
        }


def looked_at(client: TestClient, case: str) -> None:
    """Every page that shows the case runs nothing; every JSON is called JSON."""
    for path in ("/", "/?state=all", f"/cases/{case}", f"/cases/{case}/report", f"/cases/{case}/trail", "/trail"):
        answer = client.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == 200, (path, answer.text)
        assert answer.headers["content-type"].startswith("text/html"), path
        assert Scripts.of(answer.text) == [], path
        assert "1337" not in re.sub(r"[0-9a-f]{16,}", "", answer.text), f"{path}: a template ran"
    for path in ("/api/cases?state=all", f"/api/cases/{case}", f"/api/cases/{case}/report.json", "/api/trail"):
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.text)
        assert "json" in answer.headers["content-type"], path
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("text", EVIL)
def test_in_every_field_of_a_case_and_of_its_reading(signed_in: Browsers, photographs: list[bytes], text: str) -> None:
    client = signed_in("keeper")
    before = counts(client)
    sendable = text.encode("utf-8", "replace").decode()
    pictures = [("pictures", (f"{sendable}.jpg", photographs[1], sendable if sendable.isprintable() else "x"))]
    free = {"patient": sendable, "lesion": sendable, "note": sendable}
    opened = client.post("/api/cases", files=pictures, data={"kind": "dermoscopy", **free})
    assert opened.status_code in (201, 422), opened.text
    if opened.status_code == 422:
        assert "\x00" in text or "\r" in text, opened.text
        opened = client.post("/api/cases", files=pictures, data={"kind": "dermoscopy"})
        assert opened.status_code == 201
    case = opened.json()["id"]
    for field in ("sex", "site", "symptoms", "bundle", "age", "visit_day"):
        refused = client.post("/api/cases", files=pictures, data={"kind": "dermoscopy", field: sendable})
        assert refused.status_code in (404, 422), (field, refused.text)
    assert client.post("/api/cases", files=pictures, data={"kind": sendable}).status_code == 422
    words = {"diagnosis": sendable, "management": sendable, "override": sendable}
    read = client.post(f"/api/cases/{case}/readings", json={"kind": "signed", **words})
    assert read.status_code in (201, 422), read.text
    form = client.post(f"/cases/{case}/readings", data={"kind": "signed", **words, "own": sendable})
    assert form.status_code in (303, 409, 422), form.text
    for field in ("kind", "confidence", "checklists"):
        odd = {"kind": "signed", "diagnosis": "nv", "override": "x", field: sendable}
        assert client.post(f"/api/cases/{case}/readings", json=odd).status_code == 422
    looked_at(client, case)
    after = counts(client)
    assert after["accounts"] == before["accounts"]
    assert after["cases"] == before["cases"] + 1


def test_in_every_parameter_of_every_query(signed_in: Browsers, fortress: TestClient) -> None:
    client = signed_in("boss")
    before = counts(client)
    tried = 0
    for route in every(fortress.app):  # type: ignore[arg-type]
        if route.method != "GET" or route.about:
            continue
        for name in route.query:
            for text in EVIL:
                value = text.encode("utf-8", "replace").decode()
                answer = client.get(route.path, params={name: value}, headers={"Accept": "text/html"})
                assert answer.status_code < 500, (route.path, name, text, answer.text)
                assert "x=y" not in str(answer.headers), (route.path, name)
                if answer.headers.get("content-type", "").startswith("text/html"):
                    assert Scripts.of(answer.text) == [], (route.path, name, text)
                tried += 1
    assert tried > 100
    assert counts(client) == before


@pytest.mark.parametrize("text", SQL)
def test_a_search_finds_only_what_holds_the_text(signed_in: Browsers, text: str, photographs: list[bytes]) -> None:
    client = signed_in("boss-b")
    if not client.get("/api/cases", params={"state": "all"}).json()["cases"]:
        sent = {"files": [("pictures", ("a.jpg", photographs[2]))], "data": {"kind": "overview", "note": "plain words"}}
        assert client.post("/api/cases", **sent).status_code == 201
    for said, n in (("plain words", 1), (text, 0)):
        assert len(client.post("/api/search", json={"state": "all", "text": said}).json()["cases"]) == n


@pytest.mark.parametrize("text", EVIL)
def test_what_is_searched_for_is_shown_as_text(signed_in: Browsers, text: str) -> None:
    client = signed_in("boss-b")
    sendable = text.encode("utf-8", "replace").decode()
    answer = client.post("/search", data={"text": sendable})
    assert answer.status_code in (303, 422), answer.text
    if answer.status_code == 303:
        page = client.get(answer.headers["location"], headers={"Accept": "text/html"})
        assert page.status_code == 200, page.text
        assert Scripts.of(page.text) == []


@pytest.mark.parametrize("text", EVIL)
def test_in_the_forms_of_accounts(signed_in: Browsers, fortress: TestClient, text: str) -> None:
    sendable = text.encode("utf-8", "replace").decode()
    boss, before = signed_in("boss"), counts(fortress)
    for field in ("name", "team", "role"):
        given = {"name": "someone", "password": "nine green umbrellas wait", field: sendable}
        assert boss.post("/accounts", data=given).status_code == 422, field
        assert boss.post("/api/accounts", json=given).status_code == 422, field
    nobody = signed_in(None)
    assert nobody.post("/login", data={"name": sendable, "password": sendable}).status_code in (401, 422)
    page = nobody.get("/login", params={"next": sendable, "wrong": "1"}, headers={"Accept": "text/html"})
    assert Scripts.of(page.text) == []
    assert counts(fortress)["accounts"] == before["accounts"]


PATHS = [
    "../../../../etc/passwd",
    "..%2f..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "..%5c..%5cwindows%5cwin.ini",
    "%2fetc%2fpasswd",
    "/etc/passwd",
    "....//....//etc/passwd",
    "..%252f..%252fetc%252fpasswd",
    "%00",
    "a%00.jpg",
    "%c0%ae%c0%ae/etc/passwd",
    "cutis.db",
    "../cutis.db",
    "..%2fcutis.db",
    "x" * 3000,
]


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_out(signed_in: Browsers, fortress: TestClient, path: str) -> None:
    client = signed_in("boss")
    shapes = {route.path for route in every(fortress.app) if route.method == "GET"} | {"/static/{x}", "/{x}"}  # type: ignore[arg-type]
    for shape in sorted(shapes):
        if "{" not in shape:
            continue
        answer = client.get(re.sub(r"\{[^}]*\}", lambda _: path, shape))
        assert answer.status_code in (303, 307, 400, 401, 404, 405, 422), (shape, answer.status_code)
        assert "root:" not in answer.text
        assert b"SQLite format" not in answer.content


def test_errors_of_pages_and_of_data_run_nothing(signed_in: Browsers) -> None:
    client = signed_in("reader-a")
    for path in ("/cases/<script>alert(7)<", "/nothing/<img src=x onerror=alert(7)>", "/cases/%3Cscript%3E"):
        page = client.get(path, headers={"Accept": "text/html"})
        assert page.status_code in (404, 422)
        if page.headers["content-type"].startswith("text/html"):
            assert Scripts.of(page.text) == []
