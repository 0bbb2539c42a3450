"""Multipart bodies that are none, wherever one is read: answered, never a failure of ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from cutis.serve.api import dicomweb
from cutis.serve.intake.related import PARTS
from cutis.serve.store.engine import Store
from serve.guard.small import browser, settings_in, small


@pytest.fixture
def reading(store: Store, tmp_path: Path) -> TestClient:
    app = small(settings_in(tmp_path), store)
    app.include_router(dicomweb.router)
    return browser(app)


def part(
    boundary: bytes = b"x", head: bytes = b'Content-Disposition: form-data; name="a"', data: bytes = b"1"
) -> bytes:
    return b"--" + boundary + b"\r\n" + head + b"\r\n\r\n" + data + b"\r\n--" + boundary + b"--\r\n"


LONG = b"b" * 257
# The body, its boundary's parameter, what a form's reader answers, and what DICOMweb does (409: no part is stored).
CASES: dict[str, tuple[bytes, bytes, int, int]] = {
    "a boundary of 70 characters": (part(b"b" * 70), b"boundary=" + b"b" * 70, 200, 409),
    "a boundary of 257": (part(LONG), b"boundary=" + LONG, 400, 400),
    "one of 60,000": (part(b"b" * 60_000), b"boundary=" + b"b" * 60_000, 400, 400),
    "no boundary": (part(), b"", 400, 400),
    "an empty one": (part(), b"boundary=", 400, 400),
    "an empty one in quotes": (part(), b'boundary=""', 400, 400),
    "one that isn't ASCII": (part(), b"boundary=\xe9", 400, 400),
    "two of them": (part(), b"boundary=x; boundary=y", 400, 400),
    "another than the body's": (part(), b"boundary=z", 400, 400),
    "garbage": (b"\xff\x00" * 50, b"boundary=x", 400, 400),
    "a header of 100,000 characters": (part(head=b"X: " + b"y" * 100_000), b"boundary=x", 400, 400),
    "5,000 headers": (part(head=b"\r\n".join([b"X: y"] * 5000)), b"boundary=x", 400, 400),
    "a header that is none": (part(head=b"\x00\xff"), b"boundary=x", 400, 400),
    "no name": (part(head=b"Content-Disposition: form-data"), b"boundary=x", 400, 409),
    "a name that isn't UTF-8": (
        part(head=b'Content-Disposition: form-data; name="\xff"; filename="\xfe\x00"'), b"boundary=x", 200, 409,
    ),
    "a charset that there is not": (part(data=b"\xff"), b"boundary=x; charset=nonsense", 200, 409),
}  # fmt: skip


@pytest.mark.parametrize("what", CASES)
def test_a_body_that_is_none(reading: TestClient, what: str) -> None:
    body, boundary, form, related = CASES[what]
    for path, kind, status in (
        ("/api/form", b"multipart/form-data", form),
        ("/dicomweb/studies", b"multipart/related", related),
    ):
        answer = reading.post(path, content=body, headers={b"Content-Type": b"; ".join([kind, boundary])})
        assert answer.status_code == status, (path, answer.text)


def test_more_parts_than_one_request_may_have(reading: TestClient) -> None:
    body = b"--x\r\n\r\n\r\n" * (PARTS + 2) + b"--x--\r\n"
    answer = reading.post("/dicomweb/studies", content=body, headers={"Content-Type": "multipart/related; boundary=x"})
    assert answer.status_code == 413
