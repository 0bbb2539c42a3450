"""Nothing half-written stays, whoever is killed and whenever, and what a living process writes is left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cutis.errors import CutisError
from cutis.files import atomic_file, atomic_folder, refuse_existing

WRITING = {
    "folder": "atomic_folder(p / 'out')",
    "replacing": "atomic_folder(p / 'out', replace=True)",
    "file": "atomic_file(p / 'out.parquet')",
}


@contextmanager
def writer(folder: Path, how: str) -> Iterator[subprocess.Popen[str]]:
    """A process that is in the middle of writing `out`."""
    script = (
        "import sys, time; from pathlib import Path; from cutis.files import atomic_file, atomic_folder\n"
        f"p = Path(sys.argv[1])\nwith {WRITING[how]} as a:\n"
        "    (a / 'x' if a.is_dir() else a).write_text('half'); print('in', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def write(folder: Path, how: str) -> None:
    if how == "file":
        with atomic_file(folder / "out.parquet") as partial:
            partial.write_text("whole")
    else:
        with atomic_folder(folder / "out", replace=how == "replacing") as partial:
            (partial / "x").write_text("whole")


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("how", WRITING)
def test_what_a_killed_process_left_goes_and_what_a_living_one_writes_stays(how, tmp_path):
    final = "out.parquet" if how == "file" else "out"
    if how == "replacing":
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "x").write_text("old")
    with writer(tmp_path, how) as other:
        (left,) = [n for n in names(tmp_path) if n.startswith(".cutis-")]
        write(tmp_path, how)
        assert names(tmp_path) == sorted([left, final])  # the other is alive
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert left in names(tmp_path)
    if how == "folder":
        (tmp_path / "out" / "x").unlink()
        (tmp_path / "out").rmdir()
    write(tmp_path, how)
    assert names(tmp_path) == [final]
    assert "whole" in ((tmp_path / final) if how == "file" else (tmp_path / final / "x")).read_text()


def test_what_is_not_a_leftover_stays(tmp_path):
    kept = [
        ".cutis-out.audit",
        ".cutis-outer-abcdefgh",
        ".cutis-out-abcdefgh-more",
        ".cutis-out-ABCDEFGH",
        "out-abcdefgh",
    ]
    for name in kept:
        (tmp_path / name).mkdir()
    (tmp_path / ".cutis-abcdefgh.json").write_text("{}")  # of another kind of file
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".cutis-out-linklink").symlink_to(tmp_path / "elsewhere")
    write(tmp_path, "folder")
    write(tmp_path, "file")
    assert {*kept, ".cutis-abcdefgh.json", "elsewhere", ".cutis-out-linklink"} <= set(names(tmp_path))


@pytest.mark.parametrize("there", [True, False])
def test_a_kill_in_the_middle_of_replacing(there, tmp_path):
    """Between the two renames the old folder has a hidden name; after the second it is only left over."""
    old = tmp_path / ".cutis-out-abcdefgh.old"
    old.mkdir()
    (old / "x").write_text("old")
    if there:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "x").write_text("new")
        write(tmp_path, "replacing")
        assert names(tmp_path) == ["out"]
        return
    with pytest.raises(CutisError, match="exists already"):
        refuse_existing(tmp_path / "out")
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out" / "x").read_text() == "old"


def test_a_failure_while_replacing_keeps_the_old(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x").write_text("old")
    rename = Path.rename

    def fails_once(self: Path, target: Path) -> Path:
        if target == tmp_path / "out" and not self.name.endswith(".old"):
            raise OSError(5, "input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails_once)
    with pytest.raises(OSError, match="input/output"):
        write(tmp_path, "replacing")
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out" / "x").read_text() == "old"


def test_two_who_make_one_file_or_folder_at_once(tmp_path):
    """The second is refused, however late the first came."""

    def make(partial: Path) -> None:
        partial.write_text("mine")
        (tmp_path / "p").write_text("theirs")

    with pytest.raises(CutisError, match="exists already"), atomic_file(tmp_path / "p", fresh=True) as partial:
        make(partial)
    assert (tmp_path / "p").read_text() == "theirs"

    def made_meanwhile(path: Path) -> None:
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / "out" / "x").write_text("theirs")

    with pytest.raises(CutisError, match="exists already"), atomic_folder(tmp_path / "out") as partial:
        made_meanwhile(partial)
    assert names(tmp_path) == ["out", "p"]


def test_a_fresh_file_on_a_disk_without_links(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(38, "not implemented")))
    with atomic_file(tmp_path / "p", fresh=True) as partial:
        partial.write_text("mine")
    assert (tmp_path / "p").read_text() == "mine"
    with pytest.raises(CutisError, match="exists already"), atomic_file(tmp_path / "p", fresh=True) as partial:
        partial.write_text("again")
    assert (tmp_path / "p").read_text() == "mine"


def test_ctrl_c_while_cleaning_up_leaves_nothing(tmp_path, monkeypatch):
    import shutil

    rmtree, pressed = shutil.rmtree, []

    def pressed_once(path: Path, **options: bool) -> None:
        if not pressed:
            pressed.append(path)
            raise KeyboardInterrupt
        rmtree(path, **options)

    monkeypatch.setattr(shutil, "rmtree", pressed_once)

    def stopped(partial: Path) -> None:
        (partial / "x").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "out") as partial:
        stopped(partial)
    assert names(tmp_path) == []


def test_permissions_are_those_of_any_file(tmp_path):
    before = os.umask(0o027)
    try:
        write(tmp_path, "file")
        write(tmp_path, "folder")
    finally:
        os.umask(before)
    assert (tmp_path / "out.parquet").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o750
