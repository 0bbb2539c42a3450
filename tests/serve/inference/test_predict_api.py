"""POST /predict as a program meets it: the answer of `Bundle.predict`, a line for what is wrong, a trail of it all."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from cutis.bundle.load import load_bundle
from cutis.serve import trail
from cutis.serve.api.predict import MOST, Card, Predicted
from cutis.serve.inference.gone import while_there
from cutis.serve.kinds import Refused

NUMBER = re.compile(r"-?\d+\.\d+")
JPEG = {"content-type": "image/jpeg"}


def entries(bench: TestClient) -> list[trail.Link]:
    with bench.app.state.workbench.store.reading() as session:  # type: ignore[attr-defined]
        return list(trail.links(session))


def files(*pictures: bytes) -> list[tuple[str, tuple[str, bytes, str]]]:
    return [("file", ("Mrs Miller.jpg", data, "image/jpeg")) for data in pictures]


def test_the_answer_is_that_of_predict(bench: TestClient, tiny_bundle: Path, photographs: list[bytes], tmp_path: Path):
    bundle = load_bundle(tiny_bundle)
    for i, data in enumerate(photographs[:12]):
        (tmp_path / f"{i:02}.jpg").write_bytes(data)
    rows = bundle.predict(tmp_path, progress=False).table.iter_rows(named=True)
    answer = bench.post("/predict", files=files(*photographs[:12]))
    assert answer.status_code == 200, answer.text
    said = Predicted.model_validate(answer.json())
    assert said.bundle == bundle.digest
    assert said.coverage is not None
    assert said.coverage.share == 0.9
    assert "9 of 10" in said.coverage.words
    assert "lesions of phantom" in said.coverage.calibrated_on
    assert "Not a diagnosis" in said.safety
    assert said.licence == bundle.card.licence.answer
    for row, one, data in zip(rows, said.answers, photographs, strict=False):
        assert one.input == hashlib.sha256(data).hexdigest()
        assert one.status == row["status"]
        assert NUMBER.sub("#", one.reason or "") == NUMBER.sub("#", row["reason"] or "")
        assert one.set is not None
        assert [c.code for c in one.set] == row["set"]
        assert one.probabilities == pytest.approx({c: row[f"p_{c}"] for c in bundle.codes}, abs=1e-5)
        assert one.ood is not None
        assert one.ood.value == pytest.approx(row["ood"], abs=2e-3)
        assert one.ood.threshold == bundle.card.ood.threshold  # type: ignore[union-attr]
    assert {c.name for one in said.answers for c in one.set or ()} <= {c.name for c in bundle.classes}


def test_each_prediction_is_in_the_trail_without_its_name(bench: TestClient, photographs: list[bytes]):
    before = len(entries(bench))
    answer = bench.post("/predict", content=photographs[0], headers=JPEG).json()
    bench.post("/predict", files=files(*photographs[1:3]))
    new = entries(bench)[before:]
    assert [link.action for link in new] == ["prediction"] * 3
    assert [link.subject for link in new] == [hashlib.sha256(p).hexdigest() for p in photographs[:3]]
    content = json.loads(new[0].content)
    assert content["bundle"] == answer["bundle"]
    assert content["status"] == answer["answers"][0]["status"]
    assert content["set"] == [c["code"] for c in answer["answers"][0]["set"]]
    assert content["coverage"] == 0.9
    assert "Miller" not in "".join(link.content for link in new)
    assert trail.verify(entries(bench)).broken is None


def test_a_bad_picture_alone_and_among_others(bench: TestClient, photographs: list[bytes]):
    cut = photographs[0][:2000]
    for data in (cut, b"no picture at all"):
        alone = bench.post("/predict", content=data, headers=JPEG)
        assert alone.status_code in (415, 422)
        assert set(alone.json()) == {"code", "detail"}
    mixed = bench.post("/predict", files=files(photographs[0], cut, photographs[1]))
    assert mixed.status_code == 200
    answers = mixed.json()["answers"]
    assert answers[1]["status"] == "error"
    assert answers[1]["set"] is answers[1]["probabilities"] is answers[1]["ood"] is None
    assert answers[1]["reason"]
    assert "error" not in {answers[0]["status"], answers[2]["status"]}


def test_requests_that_cannot_be_answered(bench: TestClient, photographs: list[bytes]):
    for asked, status, words in (
        ({"content": b"", "headers": JPEG}, 422, "empty"),
        ({"json": {"picture": "x"}}, 415, "application/json"),
        ({"data": {"file": "text"}}, 415, "form"),
        ({"files": {"other": b"x"}}, 422, 'named "file"'),
        ({"files": [("file", (None, b"text"))]}, 422, 'named "file"'),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400, "boundary"),
        ({"content": photographs[0], "headers": JPEG, "params": {"bundle": "nowhere"}}, 404, "no bundle"),
        ({"files": files(*[b"x"] * (MOST + 1))}, 400, "Too many files"),
    ):
        answer = bench.post("/predict", **asked)  # type: ignore[arg-type]
        assert answer.status_code == status, (asked, answer.text)
        assert words in answer.json()["detail"]


def test_bundles_health_and_readiness(bench: TestClient, tiny_bundle: Path, photographs: list[bytes]):
    cards = [Card.model_validate(card) for card in bench.get("/api/bundles").json()]
    assert [card.digest for card in cards] == [load_bundle(tiny_bundle).digest]
    assert cards[0].first
    assert cards[0].card["classes"][0]["code"]
    assert bench.get("/health").json() == {"status": "ok"}
    bench.post("/predict", content=photographs[0], headers=JPEG)  # by then a process is warm
    assert bench.get("/ready").json() == {"status": "ok"}


def test_not_ready_is_said(bench: TestClient, photographs: list[bytes], monkeypatch: pytest.MonkeyPatch):
    def away() -> Any:
        raise Refused(503, "The database is away.")

    bench.post("/predict", content=photographs[0], headers=JPEG)
    monkeypatch.setattr(bench.app.state.workbench.store, "reading", away)  # type: ignore[attr-defined]
    answer = bench.get("/ready")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready: store"}
    assert bench.get("/health").status_code == 200


def test_the_openapi_describes_it_with_examples_that_hold(bench: TestClient):
    described = bench.get("/openapi.json").json()
    operation = described["paths"]["/predict"]["post"]
    assert {"multipart/form-data", "image/jpeg"} <= set(operation["requestBody"]["content"])
    assert {"200", "413", "415", "422", "429", "503"} <= set(operation["responses"])
    for example in described["components"]["schemas"]["Predicted"]["examples"]:
        Predicted.model_validate(example)


class Client:
    """A request whose sender hangs up after `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def receive(self) -> dict[str, str]:
        await asyncio.sleep(self.seconds)
        return {"type": "http.disconnect"}


def test_work_ends_when_the_client_hangs_up():
    ended = []

    async def work(seconds: float) -> str:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            ended.append(seconds)
            raise
        return "done"

    async def fails() -> None:
        raise Refused(422, "not so.")

    async def run() -> None:
        assert await while_there(Client(5), work(0.01)) == "done"  # type: ignore[arg-type]
        with pytest.raises(Refused, match="left before"):
            await while_there(Client(0.01), work(5))  # type: ignore[arg-type]
        with pytest.raises(Refused, match="not so"):
            await while_there(Client(5), fails())  # type: ignore[arg-type]

    asyncio.run(run())
    assert ended == [5]


def test_a_crowd_is_answered_or_sent_away_never_dropped(
    opened: Callable[..., Any], photographs: list[bytes], tmp_path: Path
):
    """30 at once where 4 may wait: each gets its own answer, or 429 and when to come back."""
    import threading

    with opened(tmp_path, max_waiting=4, patience=30.0) as client:
        answers: list[Any] = []

        def ask(data: bytes) -> None:
            answers.append((data, client.post("/predict", content=data, headers=JPEG)))

        threads = [threading.Thread(target=ask, args=(photographs[i % 20],)) for i in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == 30
        for data, answer in answers:
            if answer.status_code == 200:
                assert answer.json()["answers"][0]["input"] == hashlib.sha256(data).hexdigest()
            else:
                assert answer.status_code == 429
                assert int(answer.headers["retry-after"]) >= 1
        assert client.post("/predict", content=photographs[0], headers=JPEG).status_code == 200
        done = sum(answer.status_code == 200 for _, answer in answers) + 1
        assert done >= 5
        assert len(entries(client)) == done
