"""Pictures that no case refers to go; nothing else does, whatever happens at the same time."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import insert

from cutis.files import read_json
from cutis.serve import trail
from cutis.serve.kinds import Refused
from cutis.serve.store import sweep as sweep_module
from cutis.serve.store.engine import Store
from cutis.serve.store.pictures import Pictures
from cutis.serve.store.sweep import STORES, Sweeper, claim, sweep
from cutis.serve.store.tables import Account, Case, Photograph

LONG_AGO = time.time() - 7200


def aged(pictures: Pictures, data: bytes) -> str:
    """Its digest, put two hours ago."""
    digest = pictures.put(data)
    os.utime(pictures.path(digest), (LONG_AGO, LONG_AGO))
    return digest


def photograph(digest: str, dicom: str | None = None) -> Photograph:
    known: dict[str, Any] = {"kind": "overview", "media_type": "image/png", "width": 9, "height": 9}
    return Photograph(case_id="c", digest=digest, dicom={"file": dicom} if dicom else None, **known)


def there(pictures: Pictures) -> set[str]:
    return {p.parent.name + p.name for p in pictures.folder.glob("??/*")}


@pytest.fixture
def pictures(tmp_path: Path) -> Pictures:
    return Pictures(tmp_path / "pictures")


@pytest.fixture
def kept(store: Store) -> Store:
    """A store with a case "c" without photographs, and one entry in its trail."""
    with store.begin() as session:
        session.add(Account(name="reader", role="reader"))
        session.flush()
        session.add(Case(id="c", team="clinic", opened_by=1))
        session.flush()
        trail.append(session, "reader", "case.opened", "c", {})
    return store


def test_what_no_photograph_refers_to_goes(kept: Store, pictures: Pictures) -> None:
    used, beside, original = (aged(pictures, name) for name in (b"used", b"beside", b"original"))
    lost = {aged(pictures, b"lost %d" % i) for i in range(300)}
    young = pictures.put(b"young")
    with kept.begin() as session:
        session.add_all([photograph(used), photograph(beside, original), photograph(young)])
    on_its_way = pictures.put(b"an upload on its way")
    assert sweep(kept, pictures) == len(lost)
    assert there(pictures) == {used, beside, original, young, on_its_way}
    assert sweep(kept, pictures) == 0


def test_a_transaction_that_failed(kept: Store, pictures: Pictures) -> None:
    def fails() -> None:
        with kept.begin() as session:
            session.add(photograph(aged(pictures, b"lost")))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert len(there(pictures)) == 1
    assert sweep(kept, pictures) == 1
    assert there(pictures) == set()


def test_the_same_bytes_again_are_in_use_again(kept: Store, pictures: Pictures) -> None:
    """Their transaction hasn't ended when the sweep looks."""
    lost = aged(pictures, b"lost")
    assert pictures.put(b"lost") == lost
    assert sweep(kept, pictures) == 0
    assert there(pictures) == {lost}
    assert not pictures.remove(lost, time.time() - 3600)  # nor between the look and the removal
    assert pictures.read(lost) == b"lost"


def test_uploads_beside_sweeps_lose_nothing(kept: Store, pictures: Pictures) -> None:
    """Pictures that lie there since long are put again and again, each by a transaction, while sweeps run."""
    data = [b"picture %d" % i for i in range(40)]
    stop = threading.Event()

    def swept() -> None:
        while not stop.is_set():
            sweep(kept, pictures)

    def upload(mine: list[bytes]) -> None:
        for one in mine:
            for _ in range(5):  # old again: a sweep takes it, or is about to as the next one puts it
                digest = pictures.put(one)
                with contextlib.suppress(Refused, FileNotFoundError):
                    os.utime(pictures.path(digest), (LONG_AGO, LONG_AGO))
            with kept.begin() as session:
                session.add(photograph(pictures.put(one)))

    threads = [threading.Thread(target=upload, args=(data[i::4],)) for i in range(4)]
    sweeps = [threading.Thread(target=swept) for _ in range(2)]
    for thread in [*sweeps, *threads]:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    for thread in sweeps:
        thread.join()
    for path in pictures.folder.glob("??/*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    sweep(kept, pictures)
    assert sorted(path.read_bytes() for path in pictures.folder.glob("??/*")) == sorted(data)


def test_what_a_killed_process_left_is_put_right(kept: Store, pictures: Pictures) -> None:
    digest = aged(pictures, b"used")
    folder = pictures.path(digest).parent
    half, fresh = folder / ".new-abc", folder / ".new-def"
    half.write_bytes(b"ha")
    os.utime(half, (LONG_AGO, LONG_AGO))
    fresh.write_bytes(b"an upload on its wa")
    pictures.path(digest).rename(folder / f".old-{digest[2:]}")  # killed between moving it aside and looking again
    with kept.begin() as session:
        session.add(photograph(digest))
    assert sweep(kept, pictures) == 0
    assert {p.name for p in folder.iterdir()} == {digest[2:], ".new-def"}
    assert pictures.read(digest) == b"used"


# ---- whose folder it is


def test_a_new_store_over_anothers_pictures_removes_nothing(kept: Store, pictures: Pictures, tmp_path: Path) -> None:
    digest = aged(pictures, b"of the first store")
    assert claim(kept, pictures) is not None  # made after them, so they may be another's
    other = Pictures(tmp_path / "other")
    assert claim(kept, other) is None
    aged(other, digest.encode())
    second = Store.open(f"sqlite:///{tmp_path / 'second.db'}")
    assert "2 stores" in str(claim(second, other))
    assert "2 stores" in str(claim(kept, other))  # and what the second may have put is safe from the first
    second.close()


def test_a_store_put_back_from_a_backup_removes_nothing(kept: Store, pictures: Pictures) -> None:
    assert claim(kept, pictures) is None
    [(mine, entries)] = read_json(pictures.folder / STORES).items()
    assert entries == 1
    (pictures.folder / STORES).write_text(f'{{"{mine}": 7}}')  # as it was noted before the backup was put back
    assert "backup" in str(claim(kept, pictures))
    assert read_json(pictures.folder / STORES) == {mine: 7}
    with kept.begin() as session:
        for _ in range(6):
            trail.append(session, "reader", "x", "c", {})
    assert claim(kept, pictures) is None


def test_the_sweeper_says_how_many(
    kept: Store, pictures: Pictures, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    claim(kept, pictures)
    aged(pictures, b"lost")
    monkeypatch.setattr(sweep_module, "DELAY", 0.0)
    caplog.set_level(logging.INFO, "cutis.sweep")
    sweeper = Sweeper(kept, pictures)
    sweeper.start()
    for _ in range(500):
        if caplog.records:
            break
        time.sleep(0.02)
    with kept.begin() as session:
        trail.append(session, "reader", "x", "c", {})
    sweeper.stop()
    assert caplog.messages == ["1 pictures that no case refers to were removed"]
    assert list(read_json(pictures.folder / STORES).values()) == [2]  # noted as it stops


def test_a_sweeper_that_is_stopped_before_it_began(kept: Store, pictures: Pictures) -> None:
    began = time.monotonic()
    sweeper = Sweeper(kept, pictures)
    sweeper.stop()
    sweeper = Sweeper(kept, pictures)
    sweeper.start()
    sweeper.stop()
    assert time.monotonic() - began < 5
    assert not (pictures.folder / STORES).exists()


@pytest.mark.long
def test_a_hundred_thousand_files(kept: Store, pictures: Pictures) -> None:
    """A quarter of them lost. The limit is generous: it is beside the server's work."""
    digests = [f"{i % 256:02x}{i:062x}" for i in range(100_000)]
    for number in range(256):
        (pictures.folder / f"{number:02x}").mkdir()
    for digest in digests:
        path = pictures.folder / digest[:2] / digest[2:]
        path.touch()
        os.utime(path, (LONG_AGO, LONG_AGO))
    known = {"case_id": "c", "kind": "overview", "media_type": "image/png", "width": 9, "height": 9}
    with kept.begin() as session:
        rows = [{"digest": digest, **known} for i, digest in enumerate(digests) if i % 4]
        session.execute(insert(Photograph), rows)
    began = time.process_time()
    assert sweep(kept, pictures) == 25_000
    assert time.process_time() - began < 30
    assert len(there(pictures)) == 75_000


# ---- a real server

KILLED = """
import os, signal
from cutis.serve.cases import opening
def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)
opening.trail.append_all = killed
"""
AT_ONCE = "from cutis.serve.store import sweep; sweep.DELAY = 0"


@pytest.fixture
def restart(server: Callable[..., Any], tmp_path: Path) -> Callable[[str], Any]:
    """restart(before): a server over the same folder, started anew."""
    return lambda before: server(folder=tmp_path / "served", before=before)


def test_killed_in_its_transaction(restart: Callable[[str], Any], photographs: list[bytes], tmp_path: Path) -> None:
    """The file of the case that was being opened goes; that of the case that was opened before stays."""
    folder = tmp_path / "served" / "pictures"

    def upload(client: httpx.Client, picture: bytes) -> httpx.Response:
        files = [("pictures", ("a.jpg", picture, "image/jpeg"))]
        return client.post("/api/cases", files=files, data={"kind": "dermoscopy"})

    one = restart(AT_ONCE)
    with contextlib.closing(one.start()) as client:
        case = upload(client, photographs[0]).json()
    one.kill(signal.SIGTERM)
    one = restart(KILLED)
    with contextlib.closing(one.start()) as client, pytest.raises(httpx.TransportError):
        upload(client, photographs[1])
    one.kill()
    assert len(list(folder.glob("??/*"))) == 2
    for path in folder.glob("??/*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    one = restart(AT_ONCE)
    with contextlib.closing(one.start()) as client:
        for _ in range(500):
            if len(list(folder.glob("??/*"))) == 1:
                break
            time.sleep(0.02)
        assert len(list(folder.glob("??/*"))) == 1
        assert client.get(f"/api/photographs/{case['photographs'][0]['id']}/image").status_code == 200
        assert upload(client, photographs[1]).status_code == 201
