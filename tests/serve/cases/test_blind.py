"""What a reader of a blind server sees before the first reading: every answer of the server, to every address it has,
is the same whatever the model said of the case."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from cutis.serve.cases import opening
from cutis.serve.clinical.triage import HISTORY, MALIGNANT, REASONS
from cutis.serve.kinds import Said
from serve.guard.routes import BODIES, every

# Three answers that put the case at three places of the queue, for three reasons.
ANSWERS: dict[str, dict[str, Any]] = {
    "malignant": {"status": "ok", "reason": None, "predicted": "mel", "answer_set": ["mel"], "ood": 0.1, "p": 0.97},
    "benign": {"status": "ok", "reason": None, "predicted": "nv", "answer_set": ["nv"], "ood": 0.2, "p": 0.01},
    "refused": {
        "status": "refused",
        "reason": "ood: strange",
        "predicted": None,
        "answer_set": None,
        "ood": 9,
        "p": 0.5,
    },
}
# What differs between two servers in any case: times, seals of the trail, and how long ago something was.
MOMENTS = [
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(\+00:00|Z)?",
    r"just now|\d+ min\b",
    r'(?<="digest":")[0-9a-f]{64}',
    r"(?<=<code>)[0-9a-f]{12}(?=</code>)",
    r"(?<=cursor=)[\w-]+|(?<=\"following\":\")[\w-]+",  # holds a time; where it leads is compared
]


TIMES = {"date", "last-modified", "content-length"}


def said(client: TestClient, answer: str) -> Callable[..., Any]:
    """In place of the model."""
    known = ANSWERS[answer]
    digest = client.app.state.workbench.models.first.digest  # type: ignore[attr-defined]
    codes = client.app.state.workbench.models.first.codes  # type: ignore[attr-defined]
    p = dict.fromkeys(codes, (1 - known["p"]) / (len(codes) - 1)) | {"mel": known["p"]}

    async def answer_(seen: Any, bundle: str | None = None) -> Said:
        told = {name: known[name] for name in ("status", "reason", "predicted", "answer_set", "ood")}
        return Said(digest, probabilities=p, **told)

    return answer_


def opened_two(client: TestClient, photographs: list[bytes], answer: str) -> list[dict[str, Any]]:
    """A case of which the model says nothing grave, then one of which it says `answer`."""
    found = []
    for picture, told in ((photographs[0], "benign"), (photographs[1], answer)):
        client.app.state.workbench.models.answer = said(client, told)  # type: ignore[attr-defined]
        sent = {
            "files": [("pictures", ("a.jpg", picture, "image/jpeg"))],
            "data": {"kind": "dermoscopy", "note": "one"},
        }
        given = client.post("/api/cases", **sent)
        assert given.status_code == 201, given.text
        found.append(given.json())
    return found


def everything(client: TestClient, case: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """Each answer of the server that may have to do with the case, by what was asked."""
    ids = {"cases": case["id"], "photographs": case["photographs"][0]["id"]}
    asked: list[tuple[str, str, dict[str, Any]]] = []
    for route in every(client.app):  # type: ignore[arg-type]
        if route.method == "GET" and not route.path.startswith(("/api/confirmed", "/ready", "/health")):
            asked.append(("GET", route.filled(ids), {}))
        elif route.shape in BODIES and "readings" not in route.shape:
            asked.append((route.method, route.filled(ids), BODIES[route.shape]))
    signed = {"kind": "signed", "diagnosis": "nv"}
    asked += [("POST", f"/api/cases/{case['id']}/readings", {"json": signed})]
    asked += [("POST", f"/cases/{case['id']}/readings", {"data": signed})]
    for reason, path in itertools.product(REASONS, ("/", "/api/cases", f"/cases/{case['id']}")):
        asked.append(("GET", f"{path}?reason={reason}&state=all", {}))
    for path in (
        "/",
        "/api/cases?state=all",
        "/trail?check=1",
        f"/cases/{case['id']}?state=all",
        "/api/trail?limit=1000",
    ):
        asked.append(("GET", path, {}))
    kept = client.get(f"/api/photographs/{ids['photographs']}/image").content
    asked.append(("POST", "/predict", {"content": kept, "headers": {"Content-Type": "image/jpeg"}}))
    answers = {}
    for method, path, body in asked:
        accept = "*/*" if path.startswith(("/api", "/predict", "/openapi")) else "text/html"
        headers = {"Accept": accept} | body.get("headers", {})
        given = client.request(method, path, follow_redirects=False, **(body | {"headers": headers}))
        shown = {k: v for k, v in given.headers.items() if k not in TIMES}
        answers[f"{method} {path}"] = (given.status_code, masked(f"{sorted(shown.items())} {given.text}"))
    first = client.get("/api/cases?limit=1&state=all").json()
    following = client.get("/api/cases", params={"limit": 1, "state": "all", "cursor": first["following"]}).json()
    assert following.keys() >= {"cases"}, (first, following)
    answers["pages"] = (200, masked(str([first["cases"], following["cases"]])))
    return answers


def masked(text: str) -> str:
    for pattern in MOMENTS:
        text = re.sub(pattern, "...", text)
    return text


@pytest.fixture
def ids(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Ids are counted, the same in each server, after it is called."""

    def restart() -> None:
        number = itertools.count()
        monkeypatch.setattr(opening, "new_id", lambda: f"id{next(number):014}")

    return restart


@pytest.fixture
def served(
    opened: Callable[..., Any], tmp_path: Path, photographs: list[bytes], ids: Callable[[], None]
) -> Callable[..., Any]:
    """served(answer, openly=..., blind=...): a server, over a store that was filled openly or by itself."""

    @contextlib.contextmanager
    def run(answer: str, *, openly: bool, blind: bool) -> Iterator[tuple[TestClient, list[dict[str, Any]]]]:
        folder = tmp_path / f"{answer}{openly}{blind}"
        ids()
        if openly and blind:
            with opened(folder) as client:
                case = opened_two(client, photographs, answer)[1]
                kept = client.get(f"/api/photographs/{case['photographs'][0]['id']}/image").content
                told = client.post("/predict", content=kept, headers={"Content-Type": "image/jpeg"})
                assert told.status_code == 200  # an entry of the trail about the picture, and not about the case
        with opened(folder, blind=blind) as client:
            if openly and blind:
                client.app.state.workbench.models.answer = said(client, answer)
                rows = client.get("/api/cases").json()["cases"]
                cases = [client.get(f"/api/cases/{row['id']}").json() for row in rows]
                yield client, sorted(cases, key=lambda case: case["received_at"])
            else:
                yield client, opened_two(client, photographs, answer)

    return run


def differing(one: dict[str, tuple[int, str]], other: dict[str, tuple[int, str]]) -> list[str]:
    assert one.keys() == other.keys()
    return [asked for asked in one if one[asked] != other[asked]]


@pytest.mark.parametrize("openly", [False, True], ids=["opened blind", "opened openly"])
def test_nothing_tells_what_the_model_said(served: Callable[..., Any], openly: bool) -> None:
    """Also where the cases were opened while the server showed everything, and it was made blind afterwards."""
    answers = {}
    for answer in ANSWERS:
        with served(answer, openly=openly, blind=True) as (client, cases):
            assert [case["hidden"] for case in cases] == [True, True]
            answers[answer] = everything(client, cases[1]) | {"opened": (201, masked(str(cases)))}
    for answer in ("benign", "refused"):
        found = differing(answers["malignant"], answers[answer])
        assert not found, "\n".join(f"{a}\n{answers['malignant'][a]}\n{answers[answer][a]}" for a in found)[:4000]
    asked = answers["malignant"]
    assert len(asked) > 80
    assert asked["POST /predict"][0] == 403
    assert all(status < 500 for status, _ in asked.values())


def test_the_same_look_finds_it_where_it_is_shown(served: Callable[..., Any]) -> None:
    """Else the test above would say nothing."""
    answers = {}
    for answer in ("malignant", "benign"):
        with served(answer, openly=True, blind=False) as (client, cases):
            answers[answer] = everything(client, cases[1])
            case = cases[1]["id"]
    found = set(differing(answers["malignant"], answers["benign"]))
    for path in (
        "/",
        "/api/cases",
        f"/cases/{case}",
        f"/api/cases/{case}",
        "/api/trail",
        "/trail",
        f"/cases/{case}/report",
    ):
        assert f"GET {path}" in found, path
    assert {"GET /api/cases?reason=only_malignant&state=all", "POST /predict", "pages"} <= found
    assert f"GET /api/photographs/{cases[1]['photographs'][0]['id']}/image" not in found


def test_after_the_reading_all_is_shown(served: Callable[..., Any]) -> None:
    with served("malignant", openly=False, blind=True) as (client, cases):
        case = cases[1]
        photo = f"/api/photographs/{case['photographs'][0]['id']}"
        assert case["reasons"] == []
        sent = {"kind": "blind", "diagnosis": "nv"}
        shown = client.post(f"/api/cases/{case['id']}/readings", json=sent).json()
        assert (shown["hidden"], shown["reasons"], shown["priority"]) == (False, ["only_malignant"], 40)
        kept = client.get(f"{photo}/image").content
        assert client.post("/predict", content=kept, headers={"Content-Type": "image/jpeg"}).status_code == 200
        assert client.get(f"/cases/{case['id']}/report").status_code == 200


def test_each_reason_is_the_histories_or_the_models() -> None:
    """A reason that is added to triage must be said to be one or the other."""
    assert set(REASONS) == {*HISTORY, *MALIGNANT, "refused", "unreadable"}
