"""Pictures by their digest: whole or not at all, once, and nothing but digests opens a file."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutis.errors import CutisError
from cutis.serve.kinds import Refused
from cutis.serve.store.pictures import Pictures


def files(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file()]


@given(st.binary(max_size=3000))
@settings(max_examples=25, deadline=None)
def test_what_was_put_is_read(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    kept = Pictures(tmp_path_factory.mktemp("kept"))
    digest = kept.put(data)
    assert digest == hashlib.sha256(data).hexdigest()
    assert kept.read(digest) == data
    assert kept.put(data) == digest
    assert files(kept.folder) == [kept.path(digest)]


@pytest.mark.parametrize(
    "bad", ["", "..", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n", "a" * 64, "٣" * 64, "a/" * 32]
)
def test_nothing_but_a_digest_opens_a_file(tmp_path: Path, bad: str) -> None:
    with pytest.raises(Refused) as told:
        Pictures(tmp_path).path(bad)
    assert told.value.status == 404


def test_its_owner_only(tmp_path: Path) -> None:
    kept = Pictures(tmp_path / "kept")
    path = kept.path(kept.put(b"picture"))
    assert (path.stat().st_mode & 0o077, path.parent.stat().st_mode & 0o077, kept.folder.stat().st_mode & 0o077) == (
        0,
        0,
        0,
    )


def test_many_at_once(tmp_path: Path) -> None:
    """Eight threads put the same fifty pictures."""
    kept = Pictures(tmp_path)
    threads = [threading.Thread(target=lambda: [kept.put(bytes([i]) * 999) for i in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(files(tmp_path)) == 50
    assert all(hashlib.sha256(p.read_bytes()).hexdigest() == p.parent.name + p.name for p in files(tmp_path))


def test_synced_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order that a power cut can't break: the bytes, then the name, then the folder that holds the name."""
    order: list[str] = []
    sync, replace = os.fsync, Path.replace

    def synced(handle: int) -> None:
        order.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        sync(handle)

    def named(self: Path, target: Path) -> Path:
        order.append("name")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", named)
    kept = Pictures(tmp_path)
    kept.put(b"one")
    assert order == ["folder", "file", "name", "folder"]  # the first: of the two digits' new folder
    order.clear()
    kept.put(b"one")
    assert order == []


_FULL = """
import resource, sys
from pathlib import Path
from cutis.serve.kinds import Refused
from cutis.serve.store.pictures import Pictures
kept = Pictures(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000))
small = kept.put(b"x" * 5_000)
try:
    kept.put(b"y" * 5_001)
except Refused as told:
    print(told.status, told)
"""


def test_a_full_disk(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _FULL, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("507"), done.stderr
    assert [p.stat().st_size for p in files(tmp_path)] == [5_000]


def test_another_error_of_the_disk_is_no_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Pictures(tmp_path)

    def broken(handle: int) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="broken"):
        kept.put(b"one")
    assert files(tmp_path) == []


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CutisError, match="pictures can't be kept here"):
        Pictures(tmp_path / "file")
