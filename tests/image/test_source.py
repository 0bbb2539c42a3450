"""Only regular files are read: a pipe, a device, a socket or a folder is a reason, and nothing waits for it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from cutis.image import source
from cutis.image.source import BadImage, read_bytes

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes"),
    pytest.mark.timeout(60),
]


def test_what_is_not_a_file_is_a_reason(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    (tmp_path / "nowhere.jpg").symlink_to("/nowhere/at/all.jpg")
    (tmp_path / "circle.jpg").symlink_to("circle.jpg")
    reasons = {"pipe": "a pipe", "folder": "is a directory", "device": "a device", "nowhere": "no such file"}
    reasons["circle"] = "too many levels"
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(tmp_path)  # a socket's name may be no longer than about a hundred characters
        try:
            listening.bind("socket.jpg")
        finally:
            os.chdir(here)
        for name, words in (reasons | {"socket": "a socket"}).items():
            with pytest.raises(BadImage, match=words):
                read_bytes(tmp_path / f"{name}.jpg")
    (tmp_path / "linked.jpg").symlink_to(tmp_path / "file.jpg")
    (tmp_path / "file.jpg").write_bytes(b"abc")
    assert read_bytes(tmp_path / "linked.jpg") == b"abc"
    (tmp_path / "file.jpg").unlink()
    with pytest.raises(BadImage, match="no such file"):
        read_bytes(tmp_path / "linked.jpg")


def test_a_pipe_that_takes_a_files_place_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"abc")
    seen = path.stat()

    def swap(*_: object) -> int:
        path.unlink()
        os.mkfifo(path)
        monkeypatch.undo()
        return seen.st_size

    monkeypatch.setattr(source, "_regular", swap)
    with pytest.raises(BadImage, match="a pipe"):
        read_bytes(path)


def test_large_files_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with (tmp_path / "hole.jpg").open("wb") as file:
        file.truncate(source.MAX_BYTES + 1)
    with pytest.raises(BadImage, match="at most 537 MB"):
        read_bytes(tmp_path / "hole.jpg")
