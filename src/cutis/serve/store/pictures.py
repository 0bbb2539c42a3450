"""The pictures of cases: one file each, named by the SHA-256 of its bytes, written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from cutis.errors import CutisError
from cutis.serve.kinds import Refused

_DIGEST = re.compile(r"[0-9a-f]{64}")
_NEW, _ASIDE = ".new-", ".old-"  # a file that is being written; one that is being removed
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Pictures:
    """A folder of content-addressed files: <two digits>/<the other 62>, readable by its owner only."""

    def __init__(self, folder: Path) -> None:
        """Raises CutisError if the folder can't be made or written to."""
        self.folder = folder
        self._removing = threading.Lock()
        try:
            make_private(folder)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise CutisError(f"{folder}: the disk is full. Free some space, then start again.") from None
            why = (error.strerror or "error").lower()
            raise CutisError(f"{folder}: pictures can't be kept here ({why}). Name another --folder.") from None

    def put(self, data: bytes) -> str:
        """Keep `data` and return its digest; it is on the disk, whole, when this returns. The same bytes are kept once.

        It has the time at which it was put last, by which `remove` knows what is in use. Raises Refused 507 if the disk
        is full.
        """
        digest = hashlib.sha256(data).hexdigest()
        path = self._place(digest)
        with contextlib.suppress(FileNotFoundError, PermissionError), self._removing:
            os.utime(path)
            return digest
        try:
            if not path.parent.is_dir():
                path.parent.mkdir(exist_ok=True, mode=0o700)
                _sync(self.folder)
            self._write(path, data)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            raise Refused(
                507, "The disk of the pictures is full; nothing was kept. Free some space, then send it again."
            ) from None
        return digest

    def note(self, name: str, text: str) -> None:
        """Write a small file of the folder's own, whole, for its owner only."""
        self._write(self.folder / name, text.encode())

    def path(self, digest: str) -> Path:
        """The file of a digest. Raises Refused 404 if `digest` is none, or there is no such picture."""
        if not _DIGEST.fullmatch(digest) or not (path := self._place(digest)).is_file():
            raise Refused(404, "No such picture.")
        return path

    def read(self, digest: str) -> bytes:
        return self.path(digest).read_bytes()

    def older(self, than: float) -> Iterator[list[str]]:
        """Digests of the files that were last put before `than` (seconds since the epoch), a folder's at a time.

        What a killed process left half-written is removed on the way, what it left half-removed is put back.
        """
        for number in range(256):
            folder = self.folder / f"{number:02x}"
            if not folder.is_dir():
                continue
            found = list(_ages(folder, than))
            for name, old in found:
                if name.startswith(_ASIDE):
                    self._put_back(folder / name, folder / name.removeprefix(_ASIDE))
                elif name.startswith(_NEW) and old:
                    (folder / name).unlink(missing_ok=True)
            yield [folder.name + name for name, old in found if old and _DIGEST.fullmatch(folder.name + name)]

    def remove(self, digest: str, than: float) -> bool:
        """Remove a picture that nothing refers to, unless it was put again since `than`; whether it is gone.

        It is moved aside before it is looked at once more: who puts it meanwhile finds it missing and writes it again,
        in this process or in another.
        """
        path = self._place(digest)
        aside = path.with_name(_ASIDE + path.name)
        with contextlib.suppress(FileNotFoundError), self._removing:
            path.rename(aside)
            if aside.stat().st_mtime < than:
                aside.unlink()
                return True
            self._put_back(aside, path)
        return False

    def _put_back(self, aside: Path, path: Path) -> None:
        with contextlib.suppress(FileNotFoundError):  # another process was there first
            os.utime(aside)
            aside.replace(path)

    def _place(self, digest: str) -> Path:
        return place_of(self.folder, digest)

    def _write(self, path: Path, data: bytes) -> None:
        handle, name = tempfile.mkstemp(prefix=_NEW, dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
            _sync(path.parent)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(name).unlink()
            raise


def make_private(folder: Path) -> None:
    """Make a folder for its owner only, and what lacks above it; one that is there stays as it is."""
    if not folder.is_dir():
        make_private(folder.parent)
        folder.mkdir(exist_ok=True, mode=0o700)


def place_of(folder: Path, digest: str) -> Path:
    """Where in a folder of pictures the file of a digest is."""
    return folder / digest[:2] / digest[2:]


def _ages(folder: Path, than: float) -> Iterator[tuple[str, bool]]:
    """Each file's name, and whether it is older; without those that go at this moment."""
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                yield entry.name, entry.stat().st_mtime < than


def _sync(folder: Path) -> None:
    """A rename is on the disk only when its folder is."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
