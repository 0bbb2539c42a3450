"""What was acknowledged is there: after kill -9, on a full disk, through a restart of the database, in a crowd."""

from __future__ import annotations

import gc
import hashlib
import resource
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from cutis.serve import trail
from cutis.serve.store.engine import Store


def upload(client: httpx.Client, picture: bytes, note: str = "") -> httpx.Response:
    files = [("pictures", ("a.jpg", picture, "image/jpeg"))]
    return client.post("/api/cases", files=files, data={"kind": "dermoscopy", "note": note})


def all_cases(client: httpx.Client) -> list[str]:
    ids: list[str] = []
    cursor: str | None = None
    while True:
        given = {"state": "all", "limit": 200} | ({"cursor": cursor} if cursor else {})
        page = client.get("/api/cases", params=given).json()
        ids += [row["id"] for row in page["cases"]]
        if (cursor := page["following"]) is None:
            return ids


def check_whole(client: httpx.Client, folder: Path, acknowledged: list[dict[str, Any]]) -> None:
    """Each acknowledged case is there with its picture, and the trail is whole and says the same."""
    for case in acknowledged:
        assert client.get(f"/api/cases/{case['id']}").json() == case
        for picture in case["photographs"]:
            answer = client.get(f"/api/photographs/{picture['id']}/image")
            assert answer.headers["etag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    store = Store.open(f"sqlite:///{folder / 'cutis.db'}", create=False)
    with store.snapshot() as session:
        chain = list(trail.links(session))
        differences = trail.compare(session).differences
        differences += [line for line in trail.changed_pictures(session, folder / "pictures") if line]
    store.close()
    assert trail.verify(chain).broken is None
    assert differences == []
    in_trail = [link.subject for link in chain if link.action == "case.opened"]
    assert sorted(in_trail) == sorted(all_cases(client))
    assert {case["id"] for case in acknowledged} <= set(in_trail)


def killed_once(server: Any, photographs: list[bytes], after: int) -> None:
    """Kill it once `after` more uploads were acknowledged, while others are on their way; then look."""
    client = server.start()
    acknowledged: list[dict[str, Any]] = []
    enough, stop = threading.Event(), threading.Event()

    def work(first: int) -> None:
        with httpx.Client(base_url=server.url, timeout=60) as mine:
            for i in range(first, 10_000):
                try:
                    answer = upload(mine, photographs[i % len(photographs)])
                except httpx.TransportError:
                    return
                if answer.status_code == 201:
                    acknowledged.append(answer.json())
                if len(acknowledged) >= after:
                    enough.set()
                if stop.is_set():
                    return

    threads = [threading.Thread(target=work, args=(100 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    assert enough.wait(120)
    server.kill()
    stop.set()
    for thread in threads:
        thread.join()
    client.close()
    with closing(server.start()) as client:
        check_whole(client, server.folder, acknowledged)
        assert upload(client, photographs[0]).status_code == 201
    server.kill()


@pytest.mark.slow
def test_kill_9_loses_nothing_acknowledged(server: Callable[..., Any], photographs: list[bytes]) -> None:
    killed_once(server(), photographs, after=12)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_kill_9_again_and_again(server: Callable[..., Any], photographs: list[bytes]) -> None:
    one = server()
    for after in (1, 5, 9, 30):
        killed_once(one, photographs, after)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_two_hundred_at_once(server: Callable[..., Any], photographs: list[bytes]) -> None:
    """Whoever was turned away comes back as told, until all are in; none is in twice."""
    one = server()
    with closing(one.start()) as client, ThreadPoolExecutor(200) as pool:

        def persist(i: int) -> tuple[dict[str, Any], int]:
            for turned_away in range(100):
                with httpx.Client(
                    base_url=one.url, timeout=300
                ) as mine:  # a connection of its own, as each browser has
                    answer = upload(mine, photographs[i % len(photographs)], note=f"number {i}")
                if answer.status_code == 201:
                    return answer.json(), turned_away
                assert answer.status_code in (429, 503), answer.text
                threading.Event().wait(min(int(answer.headers["retry-after"]), 5))
            raise AssertionError("turned away a hundred times")

        found = list(pool.map(persist, range(200)))
        print("turned away", sum(n for _, n in found))
        assert sorted(case["note"] for case, _ in found) == sorted(f"number {i}" for i in range(200))
        assert len(all_cases(client)) == 200
        check_whole(client, one.folder, [case for case, _ in found])


def test_a_full_disk_is_told_and_loses_nothing(
    opened: Callable[..., Any], tmp_path: Path, photographs: list[bytes]
) -> None:
    """For a while no file may grow beyond 500 kB: the database's log meets that as it meets a full disk."""
    acknowledged: list[dict[str, Any]] = []
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with opened(tmp_path) as client:
        assert upload(client, photographs[0]).status_code == 201
        acknowledged = [client.get(f"/api/cases/{case}").json() for case in all_cases(client)]
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
        try:
            for i in range(1, 200):
                answer = upload(client, photographs[i % len(photographs)])
                if answer.status_code != 201:
                    break
                acknowledged.append(answer.json())
            assert answer.status_code == 507, answer.text
            assert "disk" in answer.json()["detail"]
            assert len(all_cases(client)) == len(acknowledged)  # it still answers, and holds nothing half-written
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        again = upload(client, photographs[0])  # with room, it goes on by itself
        assert again.status_code == 201, again.text
        check_whole(client, tmp_path, [*acknowledged, again.json()])


def test_the_database_goes_away_and_comes_back(
    postgres: Any, opened: Callable[..., Any], tmp_path: Path, photographs: list[bytes]
) -> None:
    with opened(tmp_path, store=postgres.url()) as client:
        before = upload(client, photographs[0]).json()
        postgres.stop()
        try:
            answer = upload(client, photographs[1])
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["retry-after"]) > 0
            assert client.get("/ready").status_code == 503
            assert client.get(f"/api/cases/{before['id']}").status_code == 503
        finally:
            postgres.start()
        after = upload(client, photographs[1])
        assert after.status_code == 201, after.text
        assert client.get("/ready").status_code == 200
        assert set(all_cases(client)) == {before["id"], after.json()["id"]}
        with client.app.state.workbench.store.reading() as session:
            assert trail.verify(trail.links(session)).broken is None
    with warnings.catch_warnings():  # pg8000 leaves the socket of a broken connection to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
