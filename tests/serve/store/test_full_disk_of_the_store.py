"""A disk without a byte left: what is there stays, and nobody is sent to a backup, which would lose cases."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from driving import as_process, in_process
from sqlalchemy import select

from cutis.errors import CutisError
from cutis.serve import trail
from cutis.serve.store.engine import Store
from cutis.serve.store.pictures import Pictures
from cutis.serve.store.tables import Account


class Disk:
    """A small file system. fill: until nothing more fits."""

    def __init__(self, path: Path) -> None:
        self.path, self._rest = path, path / "rest"

    def fill(self) -> None:
        with contextlib.suppress(OSError), self._rest.open("ab", buffering=0) as file:
            for size in (65_536, 4096, 512, 1):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass
        assert shutil.disk_usage(self.path).free == 0

    def free(self) -> None:
        self._rest.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Of 2 MB, in memory; skipped, saying so, where none may be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small disk")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here ({done.stderr.strip()})")
    try:
        yield Disk(place)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def test_a_store_that_is_there(disk: Disk, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{disk.path / 'cutis.db'}"
    store = Store.open(url)
    with store.begin() as session:
        session.add(Account(name="local", role="admin"))
    store.close()
    disk.fill()
    with pytest.raises(CutisError, match=r"the disk is full; what is in it is whole\. Free some space") as told:
        Store.open(url)
    assert "backup" not in str(told.value)
    for command in (("account", "list"), ("audit-log", "verify"), ("audit-log", "anchor")):
        code, _, said = in_process(capsys, *command, "--store", url)
        assert (code, len(said.splitlines())) == (2, 1)
        assert "the disk is full" in said
    disk.free()
    store = Store.open(url)
    with store.reading() as session:
        assert session.scalars(select(Account.name)).all() == ["local"]
    store.close()


def test_a_new_store_leaves_nothing(disk: Disk) -> None:
    disk.fill()
    with pytest.raises(CutisError, match="the disk is full"):
        Store.open(f"sqlite:///{disk.path / 'cutis.db'}")
    assert [path.name for path in disk.path.iterdir()] == ["rest"]


def test_a_folder_of_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(CutisError, match=r"the disk is full\. Free some space"):
        Pictures(tmp_path)


def test_a_disk_that_fails_is_no_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import OperationalError

    from cutis.serve.store import engine

    def failing(*_: object) -> None:
        raise OperationalError("x", {}, Exception("disk I/O error"))

    monkeypatch.setattr(engine, "upgrade", failing)
    with pytest.raises(CutisError, match="Look at the disk, its quota and its log"):
        Store.open(f"sqlite:///{tmp_path / 'cutis.db'}")


@pytest.mark.slow
def test_a_workbench_says_so_in_one_line_and_goes_on_with_room_again(
    disk: Disk, tiny_bundle: Path, opened: Callable[..., Any], photographs: list[bytes]
) -> None:
    """It is full while it runs: uploads are refused with 507. Then it doesn't start; then it does, and all is there."""

    def upload(client: Any) -> Any:
        files = [("pictures", ("a.jpg", photographs[0], "image/jpeg"))]
        return client.post("/api/cases", files=files, data={"kind": "dermoscopy"})

    folder = disk.path / "bench"
    with opened(folder) as client:
        kept = upload(client)
        assert kept.status_code == 201
        disk.fill()
        refused = upload(client)
        assert refused.status_code == 507
        assert "disk" in refused.json()["detail"]
        assert client.get(f"/api/cases/{kept.json()['id']}").json() == kept.json()
    disk.free()
    Store.open(f"sqlite:///{folder / 'cutis.db'}").close()  # what was written is in one file then
    disk.fill()
    done = as_process("serve", tiny_bundle, "--folder", folder, "--port", "0")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "the disk is full" in done.stderr
    assert "backup" not in done.stderr
    disk.free()
    with opened(folder) as client:
        assert client.get(f"/api/cases/{kept.json()['id']}").json() == kept.json()
        assert upload(client).status_code == 201
        with client.app.state.workbench.store.snapshot() as session:
            assert trail.verify(trail.links(session)).broken is None
            assert trail.compare(session).differences == []
