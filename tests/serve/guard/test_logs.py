"""What the log holds, and what it never holds."""

from __future__ import annotations

import logging

import pytest
from fastapi.testclient import TestClient

from cutis.serve.guard.logs import Discreet
from serve.guard.small import SECRETS, log_in

ALL = [*SECRETS, *SECRETS.values()]


def test_a_line_a_request_with_the_route_and_not_the_path(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "cutis")
    log_in(client, "reader-a")
    client.get("/api/things/of-mrs-miller?born=1950", headers={"Referer": "http://127.0.0.1:8642/cases/abc"})
    client.get("/api/no-such-thing")
    client.get("/static/x.js")
    lines = [r.getMessage() for r in caplog.records if r.name == "cutis.access"]
    assert [line.rpartition(" ms")[0].rpartition(" ")[0] for line in lines] == [
        "POST /login 200",
        "GET /api/things/{thing_id} 200",
        "GET - 404",
        "GET /static 404",
    ]
    for word in (*ALL, "miller", "1950", "abc", "testclient", client.cookies["cutis"]):
        assert word not in caplog.text


def test_a_failure_of_ours_is_one_number_to_the_user_and_a_place_in_the_log(
    alone: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.handler.setFormatter(Discreet("%(name)s %(message)s"))
    answer = alone.get("/api/fails?note=Mrs+Miller")
    assert answer.status_code == 500
    words = answer.json()["detail"]
    incident = words.partition("incident ")[2][:8]
    assert f"incident {incident}: GET /api/fails failed" in caplog.text
    assert "ValueError\n" in caplog.text
    assert "small.py:" in caplog.text
    assert "in fails" in caplog.text
    assert "Miller" not in caplog.text
    assert "Miller" not in answer.text
    assert "Traceback" not in answer.text


def test_an_error_behind_an_error_is_discreet_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.setFormatter(Discreet("%(message)s"))
    try:
        try:
            raise KeyError("Mrs Miller")
        except KeyError as error:
            raise RuntimeError("about Mrs Miller") from error
    except RuntimeError:
        logging.getLogger("cutis.failures").exception("it failed")
    assert "KeyError" in caplog.text
    assert "RuntimeError" in caplog.text
    assert "Miller" not in caplog.text
