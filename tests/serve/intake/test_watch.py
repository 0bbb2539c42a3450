"""A folder whose new files become cases: each once, whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cutis.errors import CutisError
from cutis.serve.kinds import Refused
from cutis.serve.settings import Settings
from cutis.serve.store.tables import Account, Case, Entry, new_id
from cutis.serve.watch import DONE, FAILED, TAKING, Watcher
from cutis.serve.workbench import Workbench


@pytest.fixture(scope="module")
def parts(settings_in: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """The parts of a workbench, without a server."""
    made = Workbench.open(settings_in(tmp_path_factory.mktemp("watching"), patience=60.0))
    yield made
    made.close()


@pytest.fixture
def watching(parts: Workbench, tmp_path: Path) -> Callable[..., Any]:
    """watching(until, ...): a watched folder, for as long as `until()` is not true; at most half a minute."""

    def watch(until: Callable[[], bool], folder: Path = tmp_path, settled: float = 0.05) -> None:
        bench = replace(parts, settings=replace(parts.settings, watch=folder))

        async def work() -> None:
            async with bench.models.serving():
                watcher = Watcher(bench, every=0.02, settled=settled, later=0.1)
                watcher.start()
                try:
                    async with asyncio.timeout(30):
                        while not until() or _putting_away(folder):
                            await asyncio.sleep(0.02)
                finally:
                    await watcher.stop()

        asyncio.run(work())

    return watch


def cases(bench: Workbench) -> list[Case]:
    with bench.store.reading() as session:
        found = list(session.scalars(select(Case).order_by(Case.received_at)))
        for case in found:
            _ = [p.answers for p in case.photographs]
        return found


def _putting_away(folder: Path) -> bool:
    """Whether a file has left its place of being taken, and the place itself is still there."""
    return any(p.is_dir() and not any(p.iterdir()) for p in (folder / TAKING).iterdir())


def names(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*")) if folder.is_dir() else []


def taken(folder: Path) -> list[str]:
    """What lies in the folder itself or is being taken."""
    rest = [n for n in names(folder) if n.split("/")[0] not in (DONE, FAILED, TAKING)]
    return rest + [n for n in names(folder / TAKING) if n != "lock"]


def test_files_and_folders_become_cases(parts, watching, photographs, dicom_file, picture, tmp_path):
    before = len(cases(parts))
    (tmp_path / "Miller 1961.jpg").write_bytes(photographs[0])
    visit = tmp_path / "visit" / "deep"
    visit.mkdir(parents=True)
    (visit / "overview.jpg").write_bytes(photographs[1])
    (visit / "dermoscopy.jpg").write_bytes(photographs[2])
    (visit / "notes.txt").write_text("left arm")
    (tmp_path / "scan.dcm").write_bytes(dicom_file(picture(90, 60), PatientAge="050Y", PatientSex="M"))
    watching(lambda: len(names(tmp_path / DONE)) >= 7)
    assert taken(tmp_path) == []
    assert names(tmp_path / FAILED) == []
    assert "visit/deep/notes.txt" in names(tmp_path / DONE)
    found = cases(parts)[before:]
    assert sorted([p.kind for p in c.photographs] for c in found) == [
        ["close-up"],
        ["close-up"],
        ["dermoscopy", "overview"],
    ]
    (scan,) = [c for c in found if c.photographs[0].dicom]
    assert (scan.age, scan.sex) == (50, "male")
    assert all(p.answers[0].bundle == parts.models.first.digest for c in found for p in c.photographs)
    with parts.store.reading() as session:
        account = session.get(Account, found[0].opened_by)
        assert account is not None
        assert (account.name, account.role, account.password) == ("watch folder", "reader", None)
        trail = "".join(session.scalars(select(Entry.content)))
    assert "Miller" not in trail
    assert not any("Miller" in str(vars(c)) for c in found)


def test_what_cannot_be_read_is_moved_with_its_reason(parts, watching, photographs, tmp_path):
    before = len(cases(parts))
    (tmp_path / "letter.txt").write_text("no picture")
    (tmp_path / "cut.jpg").write_bytes(photographs[0][:500])
    (tmp_path / FAILED).mkdir()
    (tmp_path / FAILED / "cut.jpg").write_bytes(b"of yesterday")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "good.jpg").write_bytes(photographs[0])
    (tmp_path / "two" / "cut.jpg").write_bytes(photographs[0][:500])
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("a")
    (tmp_path / "texts" / "b.txt").write_text("b")
    (tmp_path / "many").mkdir()
    for n in range(13):
        (tmp_path / "many" / f"{n}.jpg").write_bytes(photographs[n])
    watching(lambda: len(list((tmp_path / FAILED).glob("*.reason.txt"))) == 5)
    failed = names(tmp_path / FAILED)
    assert "letter.txt" in failed
    assert (tmp_path / FAILED / "cut.jpg").read_bytes() == b"of yesterday"
    reasons = {p.name: p.read_text() for p in (tmp_path / FAILED).glob("*.reason.txt")}
    assert "not an image" in reasons["letter.txt.reason.txt"]
    assert reasons["two.reason.txt"].startswith("two/cut.jpg: The picture can't be read")
    assert "not an image" in reasons["texts.reason.txt"]
    assert "More than 12" in reasons["many.reason.txt"]
    assert len([n for n in reasons if n.startswith("cut.")]) == 1
    assert all(text.count("\n") == 1 for text in reasons.values())
    assert taken(tmp_path) == []
    assert len(cases(parts)) == before


def test_odd_names_stop_nothing(watching, photographs, tmp_path):
    long = "x" * 240 + ".jpg"
    (tmp_path / long).write_bytes(photographs[0][:500])
    if os.name == "posix":
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")).mkdir()
        for name in (b"a\xe9.jpg", b"b\nc.jpg"):
            Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9/" + name)).write_bytes(photographs[0][:500])
    (tmp_path / "good.jpg").write_bytes(photographs[0])
    watching(lambda: taken(tmp_path) == [])
    assert names(tmp_path / DONE) == ["good.jpg"]
    assert len(list((tmp_path / FAILED).glob("*.reason.txt"))) == (2 if os.name == "posix" else 1)


def test_only_what_is_complete_is_taken(parts, watching, photographs, tmp_path):
    before = len(cases(parts))
    data = photographs[3]
    (tmp_path / "empty.jpg").touch()
    (tmp_path / ".hidden.jpg").write_bytes(data)
    (tmp_path / "half.jpg.part").write_bytes(data)
    (tmp_path / "link.jpg").symlink_to(tmp_path / ".hidden.jpg")
    (tmp_path / "sent").mkdir()
    (tmp_path / "sent" / "a.jpg").write_bytes(data)
    (tmp_path / "sent" / "b.jpg.filepart").write_bytes(data[:10])
    growing = tmp_path / "growing.jpg"
    began, sent = time.monotonic(), 0

    def grow() -> bool:
        nonlocal sent
        if time.monotonic() - began < 1.5:
            sent += 200
            growing.write_bytes(data[:sent])
            assert growing.exists()
            return False
        growing.write_bytes(data)
        return True

    watching(grow, settled=0.3)
    assert not (tmp_path / FAILED / "growing.jpg").exists()
    assert len(cases(parts)) == before
    watching(lambda: (tmp_path / DONE / "growing.jpg").exists())
    assert len(cases(parts)) == before + 1
    assert [n for n in taken(tmp_path) if n != "sent"] == [
        ".hidden.jpg",
        "empty.jpg",
        "half.jpg.part",
        "link.jpg",
        "sent/a.jpg",
        "sent/b.jpg.filepart",
    ]


def test_after_a_crash_nothing_is_lost_and_nothing_twice(parts, watching, photographs, tmp_path):
    """A file that was claimed and not yet a case; one that is a case already; a folder made for none."""
    before = {c.id for c in cases(parts)}
    unborn, empty = new_id(), new_id()
    for case_id, name in ((unborn, "unborn.jpg"), (empty, None)):
        (tmp_path / TAKING / case_id).mkdir(parents=True)
        if name:
            (tmp_path / TAKING / case_id / name).write_bytes(photographs[4])
    watching(lambda: taken(tmp_path) == [])
    assert {c.id for c in cases(parts)} - before == {unborn}
    again = tmp_path / TAKING / unborn
    again.mkdir()
    (tmp_path / DONE / "unborn.jpg").rename(again / "unborn.jpg")
    watching(lambda: (tmp_path / DONE / "unborn.jpg").exists())
    assert {c.id for c in cases(parts)} - before == {unborn}


def test_what_cannot_be_done_for_now_waits(parts, watching, photographs, tmp_path, monkeypatch):
    asked = 0

    async def full(*_: Any, **__: Any) -> None:
        nonlocal asked
        asked += 1
        raise Refused(507, "The disk is full.")

    (tmp_path / "a.jpg").write_bytes(photographs[5])
    with monkeypatch.context() as patch:
        patch.setattr("cutis.serve.watch.answer_and_open", full)
        watching(lambda: asked >= 3)
    assert len(taken(tmp_path)) == 2  # the folder of the case to be, and the file in it
    watching(lambda: (tmp_path / DONE / "a.jpg").exists())


def test_a_defect_stops_neither_the_watch_nor_the_others(parts, watching, photographs, tmp_path, monkeypatch):
    from cutis.serve import watch

    kept = watch.answer_and_open

    async def broken(bench: Any, who: Any, form: Any, looked: Any, case_id: Any) -> Any:
        if looked[0][0] == "overview":
            raise ZeroDivisionError("Miller")
        return await kept(bench, who, form, looked, case_id)

    (tmp_path / "overview.jpg").write_bytes(photographs[6])
    (tmp_path / "zzz.jpg").write_bytes(photographs[7])
    monkeypatch.setattr(watch, "answer_and_open", broken)
    watching(lambda: (tmp_path / DONE / "zzz.jpg").exists() and (tmp_path / FAILED / "overview.jpg").exists())
    reason = (tmp_path / FAILED / "overview.jpg.reason.txt").read_text()
    assert "ZeroDivisionError" in reason
    assert "Miller" not in reason


def test_a_folder_that_is_not_there_or_is_watched_already(parts, watching, tmp_path):
    with pytest.raises(CutisError, match="no such folder"):
        watching(lambda: True, tmp_path / "absent")

    def second() -> bool:
        other = Watcher(replace(parts, settings=replace(parts.settings, watch=tmp_path)))
        with pytest.raises(CutisError, match="another workbench"):
            other.start()
        return True

    if os.name == "posix":
        watching(second)


@pytest.mark.long
def test_killed_at_any_moment(tiny_bundle, photographs, tmp_path):
    """kill -9 again and again while 40 files are taken: in the end 40 cases, of 40 different pictures."""
    code = f"""
import sys
from pathlib import Path
import uvicorn
from cutis.serve.app import create_app
from cutis.serve.settings import Settings
from cutis.serve import watch
watch.EVERY, watch.SETTLED = 0.02, 0.05
watch.Watcher.__init__.__kwdefaults__.update(every=0.02, settled=0.05)
here = Path({str(tmp_path)!r})
settings = Settings(({str(tiny_bundle)!r},), f"sqlite:///{{here}}/s.db", here / "files", watch=here / "in", workers=1)
settings = Settings((Path({str(tiny_bundle)!r}),), *list(vars(settings).values())[1:])
uvicorn.run(create_app(settings), port=0, log_level="error")
"""
    folder = tmp_path / "in"
    folder.mkdir()
    for n in range(40):
        (folder / f"{n}.jpg").write_bytes(photographs[n])
    for round_ in range(60):
        server = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": "0"})
        end = time.monotonic() + (3.0 + 0.31 * (round_ % 10) if round_ < 8 else 60)
        while time.monotonic() < end and len(names(folder / DONE)) < 40:
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGKILL)
        server.wait()
        if len(names(folder / DONE)) == 40:
            break
    from cutis.serve.store.engine import Store

    store = Store.open(f"sqlite:///{tmp_path / 's.db'}")
    try:
        with store.reading() as session:
            found = list(session.scalars(select(Case)))
            digests = {p.digest for c in found for p in c.photographs}
        assert (len(found), len(digests)) == (40, 40)
    finally:
        store.close()
    assert names(folder / FAILED) == []
    assert round_ >= 1
