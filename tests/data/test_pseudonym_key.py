"""The key of the pseudonyms: one for all of a user's processes, whole from its first moment, nobody else's to read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cutis.data import pseudonym
from cutis.data.deidentify import new_key
from cutis.errors import CutisError

ASK = """
import sys, time
from cutis.data.pseudonym import load_key
while time.time() < float(sys.argv[1]):
    pass
print(load_key().hex())
"""
MAKE = """
import os, sys
from pathlib import Path
from cutis.data import pseudonym
step, path = sys.argv[1], Path(sys.argv[2])
setattr(os, step, lambda *args, **more: os.kill(os.getpid(), 9))
pseudonym.make_key(path)
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This user's configuration folder, without a key; returns where it will be."""
    monkeypatch.delenv(pseudonym.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "cutis" / "pseudonym.key"


def asked_at_once(n: int) -> set[str]:
    """What `n` processes take for the key, who all ask at one moment."""
    when = str(time.time() + 1.5)
    asking = [subprocess.Popen([sys.executable, "-c", ASK, when], stdout=subprocess.PIPE, text=True) for _ in range(n)]
    answers = {process.communicate()[0].strip() for process in asking}
    assert all(process.returncode == 0 for process in asking)
    return answers


def test_first_uses_at_once_agree(config: Path):
    """Real processes: each used to make a key of its own, and the last one's stayed."""
    answers = asked_at_once(4)
    assert answers == {config.read_bytes().hex()}
    assert len(answers.pop()) == 64
    assert config.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in config.parent.iterdir()] == ["pseudonym.key"]


@pytest.mark.long
def test_first_uses_at_once_agree_always(config: Path):
    for _ in range(20):
        config.unlink(missing_ok=True)
        assert asked_at_once(6) == {config.read_bytes().hex()}


@pytest.mark.parametrize("step", ["fdopen", "fsync", "link"])
def test_killed_midway_there_is_no_key_and_nobody_could_read_one(config: Path, step: str):
    done = subprocess.run([sys.executable, "-c", MAKE, step, config], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not config.exists()
    assert all(p.stat().st_mode & 0o077 == 0 for p in config.parent.iterdir())
    for stray in config.parent.iterdir():
        os.utime(stray, (0, 0))
    key = pseudonym.load_key()
    assert pseudonym.load_key() == key == config.read_bytes()
    assert [p.name for p in config.parent.iterdir()] == ["pseudonym.key"]


def test_it_is_private_from_the_first_moment(config: Path, monkeypatch: pytest.MonkeyPatch):
    """Whatever the umask, and before anything is in it."""
    opened = []
    real = os.open

    def watched(path, flags, mode=0o777, **more):
        if flags & os.O_CREAT:
            opened.append((flags & os.O_EXCL != 0, mode))
        return real(path, flags, mode, **more)

    monkeypatch.setattr(os, "open", watched)
    old = os.umask(0)
    try:
        pseudonym.load_key()
    finally:
        os.umask(old)
    assert opened == [(True, 0o600)]
    assert config.stat().st_mode & 0o777 == 0o600


def test_a_file_system_without_links(config: Path, monkeypatch: pytest.MonkeyPatch):
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    key = pseudonym.load_key()
    assert pseudonym.load_key() == key
    assert config.stat().st_mode & 0o777 == 0o600
    assert not pseudonym.make_key(config)
    assert config.read_bytes() == key


def test_a_key_that_others_may_read_is_refused_with_the_remedy(config: Path):
    pseudonym.load_key()
    for mode in (0o644, 0o640, 0o602):
        config.chmod(mode)
        with pytest.raises(CutisError, match=f"chmod 600 {config}"):
            pseudonym.load_key()


def test_a_new_key_never_takes_the_place_of_another(tmp_path: Path):
    path = tmp_path / "keys" / "k"
    new_key(path)
    held = path.read_bytes()
    assert not pseudonym.make_key(path)
    with pytest.raises(CutisError, match="exists already"):
        new_key(path)
    assert path.read_bytes() == held
    assert [p.name for p in path.parent.iterdir()] == ["k"]
