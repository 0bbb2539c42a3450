"""The operating system's errors, told in one line each."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cutis.errors import CutisError

FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's write errors at `path` into one clear line."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise CutisError(f"{full(path)}; nothing was kept. Free some space and run again.") from None
        if error.errno in _NOT_ALLOWED:
            raise CutisError(f"{path}: no permission to write here. Choose a folder you can write to.") from None
        if error.errno == errno.ENAMETOOLONG:
            raise CutisError(f"{path.name[:60]}...: too long for a name on this disk. Choose a shorter one.") from None
        if error.errno in (errno.ENOTDIR, errno.EISDIR):
            raise CutisError(f"{path}: a file stands where a folder is needed, or the other way round.") from None
        raise


def full(path: Path) -> str:
    """ "PATH: the disk is full (n MB free)"; a quota that is used up is told as one."""
    free = shutil.disk_usage(_existing(path)).free
    quota = ", so a quota may be used up" if free > 1e9 else ""
    return f"{path}: the disk is full ({free / 1e6:.0f} MB free{quota})"


def _existing(path: Path) -> Path:
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path
