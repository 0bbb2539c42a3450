"""The pictures of cases: one file each, named by the SHA-256 of its bytes, written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import tempfile
from pathlib import Path

from cutis.errors import CutisError
from cutis.serve.kinds import Refused

_DIGEST = re.compile(r"[0-9a-f]{64}")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Pictures:
    """A folder of content-addressed files: <two digits>/<the other 62>, readable by its owner only."""

    def __init__(self, folder: Path) -> None:
        """Raises CutisError if the folder can't be made or written to."""
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            why = (error.strerror or "error").lower()
            raise CutisError(f"{folder}: pictures can't be kept here ({why}). Name another --files folder.") from None

    def put(self, data: bytes) -> str:
        """Keep `data` and return its digest; it is on the disk, whole, when this returns. The same bytes are kept once.

        Raises Refused 507 if the disk is full.
        """
        digest = hashlib.sha256(data).hexdigest()
        path = self._place(digest)
        if path.exists():
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

    def path(self, digest: str) -> Path:
        """The file of a digest. Raises Refused 404 if `digest` is none, or there is no such picture."""
        if not _DIGEST.fullmatch(digest) or not (path := self._place(digest)).is_file():
            raise Refused(404, "No such picture.")
        return path

    def read(self, digest: str) -> bytes:
        return self.path(digest).read_bytes()

    def _place(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest[2:]

    def _write(self, path: Path, data: bytes) -> None:
        handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
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


def _sync(folder: Path) -> None:
    """A rename is on the disk only when its folder is."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
