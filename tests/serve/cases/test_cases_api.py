"""Cases over HTTP, as a program sends and reads them: a real workbench over drawn lesions."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from cutis.serve import trail
from cutis.serve.cases.forms import patient_pseudonym


def upload(
    client: Any, pictures: Sequence[bytes], kinds: Sequence[str] = ("dermoscopy",), **fields: Any
) -> httpx.Response:
    files = [("pictures", (f"IMG_{i}.jpg", data, "image/jpeg")) for i, data in enumerate(pictures)]
    answer: httpx.Response = client.post("/api/cases", files=files, data={"kind": list(kinds), **fields})
    return answer


def opened(
    client: Any, pictures: Sequence[bytes], kinds: Sequence[str] = ("dermoscopy",), **fields: Any
) -> dict[str, Any]:
    answer = upload(client, pictures, kinds, **fields)
    assert answer.status_code == 201, answer.text
    case: dict[str, Any] = answer.json()
    return case


def whole_trail(client: TestClient) -> trail.Verdict:
    with client.app.state.workbench.store.reading() as session:  # type: ignore[attr-defined]
        return trail.verify(trail.links(session))


def test_from_upload_to_signature(bench: TestClient, photographs: list[bytes]) -> None:
    case = opened(
        bench,
        photographs[:2],
        ("overview", "dermoscopy"),
        patient="4711",
        lesion="left arm",
        age="54",
        sex="female",
        site="Posterior trunk",
        symptoms=["bleeding", "new=no"],
        note="Grew in spring.",
    )
    assert case["patient"] == patient_pseudonym("4711")
    assert (case["age"], case["sex"], case["site"], case["visit_day"]) == (54, "female", "Trunk:Posterior trunk", 0)
    assert case["symptoms"] == {"new": False, "bleeding": True}
    assert "bleeding" in case["reasons"]
    assert case["priority"] >= 40
    assert [p["kind"] for p in case["photographs"]] == ["overview", "dermoscopy"]
    for picture in case["photographs"]:
        [answer] = picture["answers"]
        assert answer["status"] in ("ok", "refused")
        assert answer["coverage"] == 0.9
        assert sum(answer["probabilities"].values()) == pytest.approx(1)
        assert picture["tone"]
    assert set(case["set"] or ()) <= case["names"].keys()
    again = bench.get(f"/api/cases/{case['id']}").json()
    assert again == case

    sent = {"kind": "signed", "diagnosis": "mel", "confidence": 60, "override": "It is what I see."}
    answer = bench.post(f"/api/cases/{case['id']}/readings", json=sent)
    assert answer.status_code == 201, answer.text
    assert answer.json()["state"] == "signed"
    assert answer.json()["readings"][0]["diagnosis"] == "mel"
    entries = [e for e in bench.get("/api/trail?limit=1000").json() if e["subject"] == case["id"]]
    assert [e["action"] for e in entries] == ["case.opened", "prediction", "prediction", "reading.signed"]
    bundle = bench.app.state.workbench.models.first.digest  # type: ignore[attr-defined]
    predicted = entries[2]["content"]
    assert (predicted["bundle"], predicted["coverage"]) == (bundle, 0.9)
    kept = bench.get(f"/api/photographs/{case['photographs'][1]['id']}/image").content
    assert predicted["input"] == hashlib.sha256(kept).hexdigest()
    assert entries[3]["content"]["override"] == "It is what I see."
    assert whole_trail(bench).broken is None


def test_the_answer_is_the_bundles_own(bench: TestClient, photographs: list[bytes], tmp_path: Any) -> None:
    """What a case holds is what `Bundle.predict` says of the same file."""
    case = opened(bench, photographs[5:6])
    path = tmp_path / "one.jpg"
    path.write_bytes(photographs[5])
    bundle = bench.app.state.workbench.models.first  # type: ignore[attr-defined]
    [row] = bundle.predict(path).table.to_dicts()
    [answer] = case["photographs"][0]["answers"]
    assert answer["status"] == row["status"]
    assert answer["answer_set"] == row["set"]
    assert answer["reason"] == row["reason"]
    assert answer["probabilities"] == pytest.approx({c: row[f"p_{c}"] for c in bundle.codes}, abs=1e-6)
    assert answer["ood"] == pytest.approx(row["ood"], abs=1e-5)


def test_the_picture_kept_says_nothing_of_a_person(bench: TestClient, photographs: list[bytes]) -> None:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E], exif[0x013B] = "Anna Muster, born 1962", "Dr Who"
    Image.open(io.BytesIO(photographs[7])).save(out, "JPEG", exif=exif, quality=90)
    assert b"Anna Muster" in out.getvalue()
    case = opened(bench, [out.getvalue()])
    answer = bench.get(f"/api/photographs/{case['photographs'][0]['id']}/image")
    assert answer.status_code == 200
    assert b"Anna Muster" not in answer.content
    assert not dict(Image.open(io.BytesIO(answer.content)).getexif())


def test_a_picture_is_cached_for_its_reader_only(bench: TestClient, photographs: list[bytes]) -> None:
    case = opened(bench, photographs[8:9])
    url = f"/api/photographs/{case['photographs'][0]['id']}/image"
    answer = bench.get(url)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "private" in answer.headers["cache-control"]
    etag = answer.headers["etag"]
    assert etag == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    for given in (etag, f'W/{etag}, "x"', f'"x", {etag}'):
        again = bench.get(url, headers={"If-None-Match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert bench.get(url, headers={"If-None-Match": '"x"'}).status_code == 200
    assert bench.get("/api/photographs/..%2f..%2fetc%2fpasswd/image").status_code in (404, 422)
    assert bench.get("/api/photographs/nothing/image").status_code == 404


def test_the_same_lesion_again_is_a_later_visit(bench: TestClient, photographs: list[bytes]) -> None:
    first = opened(bench, photographs[9:10], patient="77", lesion="1", visit_day="30")
    second = opened(bench, photographs[9:10], patient="77", lesion="1")
    other = opened(bench, photographs[9:10], patient="77", lesion="2", visit_day="100")
    assert (first["lesion"], first["patient"]) == (second["lesion"], second["patient"])
    assert other["lesion"] != first["lesion"]
    assert second["visit_day"] == 30  # days since the first, which is today
    found = bench.post("/api/search", json={"text": "77", "state": "all"}).json()["cases"]
    assert {row["id"] for row in found} == {first["id"], second["id"], other["id"]}


def test_the_queue_in_pages(bench: TestClient, photographs: list[bytes]) -> None:
    for i in range(3):
        opened(bench, photographs[10 + i : 11 + i], note="paged", symptoms=["bleeding"] if i == 2 else [])
    page = bench.post("/api/search", json={"text": "paged", "limit": 2}).json()
    rest = bench.post("/api/search", json={"text": "paged", "limit": 2, "cursor": page["following"]}).json()
    rows = [*page["cases"], *rest["cases"]]
    assert len(rows) == 3
    assert rest["following"] is None
    assert "bleeding" in rows[0]["reasons"]
    assert [r["priority"] for r in rows] == sorted((r["priority"] for r in rows), reverse=True)
    assert page["counts"]["waiting"] >= 3
    assert bench.get("/api/cases", params={"reason": "bleeding"}).json()["cases"][0] == rows[0]
    found = bench.post("/api/search", json={"reason": "bleeding", "text": "paged"}).json()
    assert found["cases"] == rows[:1]


@pytest.mark.parametrize(
    ("kinds", "fields", "status", "words"),
    [
        (["selfie"], {}, 422, "kind"),
        (["overview", "overview"], {}, 422, "kind: 2 of them for 1 pictures"),
        (["overview"], {"site": "elbo"}, 422, "Did you mean"),
        (["overview"], {"symptoms": ["bleeding=perhaps"]}, 422, "bleeding=yes"),
        (["overview"], {"symptoms": ["bleed"]}, 422, "did you mean"),
        (["overview"], {"bundle": "0" * 64}, 404, "no bundle"),
        (["overview"], {"note": "a\0b"}, 422, "control characters"),
    ],
)
def test_what_is_refused_leaves_nothing(
    bench: TestClient, photographs: list[bytes], kinds: list[str], fields: dict[str, Any], status: int, words: str
) -> None:
    before = bench.get("/api/cases", params={"state": "all", "limit": 200}).json()
    entries = whole_trail(bench).entries
    answer = upload(bench, photographs[:1], kinds, **fields)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]
    assert bench.get("/api/cases", params={"state": "all", "limit": 200}).json() == before
    assert whole_trail(bench).entries == entries


def test_one_bad_picture_opens_no_case(bench: TestClient, photographs: list[bytes]) -> None:
    before = bench.get("/api/cases", params={"state": "all", "limit": 200}).json()
    kept = sum(1 for _ in bench.app.state.workbench.pictures.folder.rglob("*"))  # type: ignore[attr-defined]
    new = Image.effect_noise((200, 150), 40).convert("RGB")
    out = io.BytesIO()
    new.save(out, "PNG")
    answer = upload(bench, [out.getvalue(), b"not a picture"], ("overview", "dermoscopy"))
    assert answer.status_code in (415, 422), answer.text
    assert bench.get("/api/cases", params={"state": "all", "limit": 200}).json() == before
    assert sum(1 for _ in bench.app.state.workbench.pictures.folder.rglob("*")) == kept  # type: ignore[attr-defined]


def test_what_is_not_there(bench: TestClient) -> None:
    for method, url in (("GET", "/api/cases/nothing"), ("POST", "/api/cases/nothing/readings")):
        answer = bench.request(method, url, json={"kind": "signed", "diagnosis": "nv"} if method == "POST" else None)
        assert (answer.status_code, answer.json()) == (404, {"detail": "No such case."})


def test_blind_over_http(blind_bench: TestClient, photographs: list[bytes]) -> None:
    """Nothing that the server sends before the first reading holds the answer."""
    case = opened(blind_bench, photographs[:1], symptoms=["bleeding"])
    model = blind_bench.app.state.workbench  # type: ignore[attr-defined]
    with model.store.reading() as session:
        from cutis.serve.cases import find
        from cutis.serve.kinds import Who

        who = Who(case_account(blind_bench), "local", "admin", "clinic")
        answer = find(session, who, case["id"]).photographs[0].answers[0]
        secrets = [json.dumps(v)[:8] for v in answer.probabilities.values()]
    assert case["hidden"]
    assert case["reasons"] == ["bleeding"]
    for url in (f"/api/cases/{case['id']}", "/api/cases", "/api/trail"):
        said = blind_bench.get(url)
        assert said.status_code == 200
        assert not any(secret in said.text for secret in secrets), url
        assert '"probabilities"' not in said.text
    sent = {"kind": "signed", "diagnosis": "nv"}
    assert blind_bench.post(f"/api/cases/{case['id']}/readings", json=sent).status_code == 409
    shown = blind_bench.post(f"/api/cases/{case['id']}/readings", json=sent | {"kind": "blind"})
    assert shown.status_code == 201
    assert not shown.json()["hidden"]
    assert shown.json()["photographs"][0]["answers"]


def case_account(client: TestClient) -> int:
    from sqlalchemy import select

    from cutis.serve.store.tables import Account

    with client.app.state.workbench.store.reading() as session:  # type: ignore[attr-defined]
        return int(session.scalars(select(Account.id).where(Account.name == "local")).one())


def test_forty_at_once(bench: TestClient, photographs: list[bytes]) -> None:
    """Each acknowledged upload is a case of its own; whoever is turned away is told when to come back."""
    before = bench.post("/api/search", json={"text": "crowd", "limit": 200}).json()["cases"]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda i: upload(bench, photographs[i : i + 1], note="crowd"), range(40)))
    done = {a.json()["id"] for a in answers if a.status_code == 201}
    for answer in answers:
        assert answer.status_code in (201, 429, 503), answer.text
        assert answer.status_code == 201 or int(answer.headers["retry-after"]) > 0
    after = bench.post("/api/search", json={"text": "crowd", "limit": 200}).json()["cases"]
    assert {row["id"] for row in after} - {row["id"] for row in before} == done
    assert len(done) >= 20
    assert whole_trail(bench).broken is None


def test_the_openapi_says_what_there_is(bench: TestClient) -> None:
    described = bench.app.openapi()  # type: ignore[attr-defined]
    for path in ("/api/cases", "/api/cases/{case_id}", "/api/cases/{case_id}/readings", "/api/trail"):
        for method, route in described["paths"][path].items():
            assert route["summary"], (path, method)
            assert route["description"]
    assert {"404", "409", "422"} <= described["paths"]["/api/cases/{case_id}/readings"]["post"]["responses"].keys()
