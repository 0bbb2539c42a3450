"""One writer at a time, and who is still alive: locks that the system releases when their process dies."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cutis.errors import CutisError
from cutis.files.disk import disk_errors

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

WAIT = 60.0  # seconds
_LOOK = 0.05  # seconds between two tries


@contextmanager
def only_writer(target: Path | str, job: str, *, wait: float = WAIT, beside: bool = False) -> Iterator[None]:
    """Be the only one who writes into the folder `target`, or the file of that name, within the block.

    What is read to be changed must be read in here too. job: what is done, for whoever has to wait ("cutis columns").
    wait: seconds to wait for another writer, said on standard error. Raises CutisError that names the other after
    that. beside: the folder itself is replaced, so that its lock is not kept in it. A process that dies, however it
    dies, leaves no lock behind. Locks of one process don't nest.
    """
    target = Path(target)
    path = target / ".cutis.lock" if target.is_dir() and not beside else target.with_name(f".cutis-{target.name}.lock")
    started, told = time.monotonic(), False
    with disk_errors(target):
        path.parent.mkdir(parents=True, exist_ok=True)
        while (handle := _taken(path)) is None:
            waited = time.monotonic() - started
            if waited >= wait:
                raise CutisError(
                    f"{target}: {_holder(path)} is writing here; nothing was changed. Run again when it is done."
                )
            if waited > 1 and not told:
                sys.stderr.write(f"cutis: waiting for {_holder(path)}, which is writing into {target}\n")
                told = True
            time.sleep(_LOOK)
    try:
        with suppress(OSError):  # left by another user who was killed: ours to lock, not to write
            os.truncate(handle, 0)
            os.write(handle, f"{job} (process {os.getpid()})".encode())
        yield
    finally:
        if fcntl is not None:
            path.unlink(missing_ok=True)  # while it is ours: who opened it meanwhile sees it gone, and starts anew
        os.close(handle)


def hold(path: Path) -> int | None:
    """Mark a file or folder as being written by this process, until the handle is closed; None where it can't be.

    Raises FileNotFoundError if it has gone since it was made.
    """
    if fcntl is None:
        return None
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:  # a disk that has no locks
        os.close(handle)
        return None
    if not _still(path, handle):
        os.close(handle)
        raise FileNotFoundError(path)
    return handle


def abandoned(path: Path) -> int | None:
    """A handle to a file or folder that no living process holds, now held by us; None if one does, or nobody can tell.

    On a disk without locks, or a system without `flock`, nobody can tell.
    """
    if fcntl is None:
        return None
    try:
        handle = os.open(path, (os.O_RDONLY if path.is_dir() else os.O_RDWR) | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _taken(path: Path) -> int | None:
    """The lock file, opened and locked; None if another has it."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:
        handle = os.open(path, os.O_RDONLY)
    if not _locked(handle) or not _still(path, handle):
        os.close(handle)
        return None
    return handle


def _locked(handle: int) -> bool:
    if fcntl is not None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a disk that has no locks: as good as it gets
            return True
        return True
    import msvcrt

    try:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True


def _still(path: Path, handle: int) -> bool:
    """Whether `path` is yet the file that was opened, and wasn't removed or made anew before we had the lock."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _holder(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or "another command"
    except OSError:
        return "another command"
