"""A split's two files are always of one split, wherever a process is killed or fails between them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from test_lint import dataset

from cutis.data.dataset import Dataset
from cutis.data.split import Split, load_split, split
from cutis.errors import CutisError


def made(folder: Path) -> Dataset:
    return dataset(folder, [{"image_id": f"i{n:02}", "lesion_id": f"L{n // 2}"} for n in range(40)])


def same(one: Split, other: Split) -> bool:
    return one.proof == other.proof and one.table.equals(other.table)


def hidden(data: Dataset) -> list[str]:
    return sorted(p.name for p in data.path.rglob(".*"))


def failing(monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException) -> None:
    """Giving a file this name fails, the first time."""
    replace, tries = Path.replace, []

    def named(self: Path, target: Path) -> Path:
        if target.name == name and not tries:
            tries.append(target)
            raise error
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", named)


@pytest.mark.parametrize("error", [OSError(28, "full"), KeyboardInterrupt()], ids=["full disk", "Ctrl-C"])
@pytest.mark.parametrize("name", ["default.parquet", "default.json"])
@pytest.mark.parametrize("first", [False, True])
def test_a_failure_between_the_two_keeps_what_was_there(first, name, error, tmp_path, monkeypatch):
    data = made(tmp_path)
    before = None if first else split(data, seed=0)
    failing(monkeypatch, name, error)
    with pytest.raises((CutisError, KeyboardInterrupt)):
        split(data, seed=1, overwrite=True)
    if before is None:
        with pytest.raises(CutisError, match="is not split yet"):
            load_split(data)
        assert list((tmp_path / "splits").iterdir()) == []
        split(data)
    else:
        assert same(load_split(data), before)
    assert hidden(data) == []


def test_a_disk_without_links(tmp_path, monkeypatch):
    def no_links(*_: object) -> None:
        raise OSError(38, "not implemented")

    data = made(tmp_path)
    before = split(data, seed=0)
    monkeypatch.setattr(os, "link", no_links)
    done = split(data, seed=1, overwrite=True)
    assert same(load_split(data), done)
    failing(monkeypatch, "default.json", OSError(28, "full"))
    with pytest.raises(CutisError, match="the disk is full"):
        split(data, seed=0, overwrite=True)
    assert same(load_split(data), done)
    assert not same(done, before)
    assert hidden(data) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from cutis.data.split import split
step, replace, link = sys.argv[2], Path.replace, os.link
def kill(*_): os.kill(os.getpid(), signal.SIGKILL)
def named(self, target):
    last = {"table": "default.parquet", "proof": "default.json"}.get(step)
    if str(target).endswith(str(last)):
        kill()
    made = replace(self, target)
    return made
def linked(a, b):
    link(a, b)
    if step == "link":
        kill()
Path.replace, os.link = named, linked
split(sys.argv[1], seed=1, overwrite=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("step", ["link", "table", "proof"])  # before the table's name, the proof's; after a link
def test_a_kill_between_the_two_keeps_the_old_split(step, tmp_path):
    data = made(tmp_path)
    before = split(data, seed=0)
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), step], check=False)
    assert done.returncode == -signal.SIGKILL
    assert same(load_split(data), before)
    table = pl.read_parquet(tmp_path / "splits" / "default.parquet")  # also for who reads the file alone
    assert table.equals(before.table)
    after = split(data, seed=2, overwrite=True)
    assert same(load_split(data), after)
    assert hidden(data) == []
