"""What is typed into the search, which may be a patient's number, stands in no address and in no log."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from cutis.serve.searches import Searches
from serve.guard.conftest import quick_hashes
from serve.guard.small import SECRETS, browser, log_in

__all__ = ["quick_hashes"]

NUMBER = "47110815"


def test_a_word_is_one_accounts_and_the_same_for_the_same() -> None:
    kept = Searches()
    word = kept.keep(1, NUMBER)
    assert NUMBER not in word
    assert len(word) == 12
    assert kept.keep(1, NUMBER) == word
    assert kept.text(1, word) == NUMBER
    assert kept.text(2, word) is None
    assert kept.text(1, "other") is None
    assert kept.keep(2, NUMBER) != word
    assert len(kept.text(1, kept.keep(1, "x" * 900)) or "") == 200


def test_the_latest_are_kept() -> None:
    kept = Searches(each=3, most=5)
    first = kept.keep(1, "a")
    words = [kept.keep(1, text) for text in "bc"]
    assert kept.text(1, first) == "a"  # looked at, so it isn't the oldest
    kept.keep(1, "d")
    assert [kept.text(1, word) for word in (first, *words)] == ["a", None, "c"]
    for account in range(2, 9):
        kept.keep(account, "e")
    assert len(kept._kept) == 5


@pytest.fixture(scope="module")
def wards(
    opened: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory, photographs: list[bytes]
) -> Iterator[tuple[TestClient, TestClient]]:
    """(a reader's browser, another's of the same team); two cases are of the patient NUMBER, one isn't."""
    from cutis.serve.accounts.manage import add

    with opened(tmp_path_factory.mktemp("wards"), accounts=True) as client:
        made = []
        for name in ("reader-a", "keeper"):
            add(client.app.state.workbench.store, "test", name, SECRETS[name], "reader", "clinic")
            one = browser(client.app)
            one.portal = client.portal
            assert log_in(one, name).status_code == 200
            made.append(one)
        for i, known in enumerate(({"patient": NUMBER}, {"patient": NUMBER}, {"note": "somebody else"})):
            sent = {"kind": "dermoscopy", **known}
            answer = made[0].post("/api/cases", files=[("pictures", ("p", photographs[i], "image/jpeg"))], data=sent)
            assert answer.status_code == 201, answer.text
        yield made[0], made[1]


def rows(page: str) -> list[str]:
    return re.findall(r'id="case-([\w-]{16})"', page)


def addresses(page: str) -> list[str]:
    """Wherever a page leads, by itself or when clicked."""
    return re.findall(r'(?:href|src|action|hx-\w+|data-src)="([^"]*)"', page)


def test_a_patients_number_stands_in_no_address(
    wards: tuple[TestClient, TestClient], caplog: pytest.LogCaptureFixture
) -> None:
    reader, _ = wards
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, "httpx")  # the client's own log, of this test's requests
    answer = reader.post("/search", data={"text": NUMBER, "state": "all"})
    assert answer.status_code == 303
    place = answer.headers["location"]
    assert re.fullmatch(r"/\?state=all&search=[\w-]{12}", place)
    page = reader.get(place, headers={"Accept": "text/html"}).text
    found = rows(page)
    assert len(found) == 2
    assert f'value="{NUMBER}"' in page  # in its own field, for its own reader
    seen = [place, *addresses(page)]
    case = reader.get(next(a for a in seen if a.startswith("/cases/")), headers={"Accept": "text/html"})
    seen += [*addresses(case.text), *map(str, case.headers.values())]
    following = [a for a in seen if a.startswith(f"/cases/{found[1]}")]
    assert following  # the next of the search
    assert not [a for a in seen if NUMBER in a]
    assert NUMBER not in caplog.text
    assert "search=" in " ".join(seen)


def test_it_narrows_with_the_other_filters_and_is_taken_off(wards: tuple[TestClient, TestClient]) -> None:
    reader, _ = wards
    for given, place, n in (
        ({"text": "  "}, "/", 3),
        ({"text": "somebody"}, None, 1),
        ({"text": NUMBER, "state": "signed"}, None, 0),
        ({"state": "signed"}, "/?state=signed", 0),
    ):
        answer = reader.post("/search", data=given)
        assert place in (None, answer.headers["location"])
        assert len(rows(reader.get(answer.headers["location"], headers={"Accept": "text/html"}).text)) == n


def test_what_is_forgotten_or_anothers_is_said_to_be(wards: tuple[TestClient, TestClient]) -> None:
    reader, other = wards
    place = reader.post("/search", data={"text": NUMBER}).headers["location"]
    for client, where in ((other, place), (reader, "/?search=0123456789ab")):
        page = client.get(where, headers={"Accept": "text/html"}).text
        assert "is not kept any longer" in page
        assert NUMBER not in page
        assert len(rows(page)) == 3
    case = rows(reader.get(place, headers={"Accept": "text/html"}).text)[0]
    page = reader.get(f"/cases/{case}?search=0123456789ab", headers={"Accept": "text/html"}).text
    assert 'data-key="n"' not in page  # neither next nor previous, rather than those of another list
    cursor = reader.post("/api/search", json={"limit": 1}).json()["following"]
    assert reader.get("/", params={"cursor": cursor, "search": "0123456789ab"}).status_code == 422


@pytest.mark.parametrize("path", ["/?text=47110815", "/cases/x?text=1", "/api/cases?text=47110815&state=all"])
def test_an_address_that_holds_it_is_refused(wards: tuple[TestClient, TestClient], path: str) -> None:
    """As version 0.1 had it: left out, the answer would be all cases."""
    answer = wards[0].get(path)
    assert answer.status_code == 422
    assert NUMBER not in answer.text


def test_a_search_by_a_program(wards: tuple[TestClient, TestClient]) -> None:
    reader, _ = wards
    found = reader.post("/api/search", json={"text": NUMBER, "state": "all"}).json()
    assert len(found["cases"]) == 2
    assert reader.post("/api/search", json={"txt": NUMBER}).status_code == 422
    refused = reader.post("/api/search", json={"text": "y" * 201})
    assert refused.status_code == 422
    assert "y" * 20 not in refused.text


def test_a_search_needs_the_sessions_token(wards: tuple[TestClient, TestClient]) -> None:
    reader, _ = wards
    token = reader.headers.pop("X-CSRF-Token")
    try:
        assert reader.post("/search", data={"text": NUMBER}).status_code == 403
        assert reader.post("/search", data={"text": NUMBER, "csrf": token}).status_code == 303
    finally:
        reader.headers["X-CSRF-Token"] = token
