"""Writing files so that nothing half-written stays: write aside, then rename.

What is written aside has a hidden name beside where it will be, and is held (`cutis.files.lock.hold`) while it is
written. What a process that was killed left there is held by nobody, and the next one who writes to that place removes
it.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cutis.errors import CutisError
from cutis.files.content import canonical_json
from cutis.files.disk import disk_errors
from cutis.files.lock import abandoned, hold, only_writer

if TYPE_CHECKING:
    import polars as pl

_RANDOM = "[a-z0-9_]{8}"  # what `tempfile` puts into a name
_OLD = ".old"  # ends the hidden name of a folder that is being replaced


@contextmanager
def atomic_file(path: Path | str, *, fresh: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it over `path` if the block succeeds, remove it if not.

    fresh: nothing may be there: raises CutisError if another process has made `path` meanwhile.
    """
    path = Path(path)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent, rf"\.cutis-{_RANDOM}{re.escape(path.suffix)}")

        def made() -> Path:
            handle, name = tempfile.mkstemp(prefix=".cutis-", suffix=path.suffix, dir=path.parent)
            os.close(handle)
            return Path(name)

        with _held(made) as partial:
            try:
                yield partial
                with partial.open("rb+") as f:
                    os.fsync(f.fileno())
                partial.chmod(0o666 & ~_umask())
                if fresh:
                    _put(partial, path)
                else:
                    partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path | str, *, replace: bool = False) -> Iterator[Path]:
    """Yield an empty folder beside `path`; rename it to `path` if the block succeeds, remove it if not.

    replace: take the place of the folder that is there. Otherwise raises CutisError if `path` exists and is not an
    empty folder. A process that is killed while it replaces leaves either the old folder or the new one, whole.
    """
    path = Path(path)
    _settle(path)
    if not replace:
        refuse_existing(path)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent, rf"\.cutis-{re.escape(path.name)}-{_RANDOM}")
        with _held(lambda: Path(tempfile.mkdtemp(prefix=f".cutis-{path.name}-", dir=path.parent))) as partial:
            try:
                yield partial
                partial.chmod(0o777 & ~_umask())
                if replace and path.exists():
                    _exchange(partial, path)
                else:
                    refuse_existing(path)  # another process may have made it meanwhile
                    _rename(partial, path)
            finally:
                _remove(partial)


def refuse_existing(path: Path) -> None:
    """Raise CutisError unless `path` is free to be made (absent, or an empty folder).

    A folder that a killed process was replacing comes back first: it counts as there.
    """
    if not path.exists():
        _settle(path)
    if path.is_dir() and not any(path.iterdir()):
        return
    if path.exists():
        raise CutisError(f"{path} exists already; nothing was changed. Remove it or choose another output path.")


def write_json(path: Path | str, value: Any) -> None:
    """Write `value` as canonical JSON (sorted keys, UTF-8, two spaces, NaN refused), atomically."""
    with atomic_file(path) as partial:
        partial.write_text(canonical_json(value), encoding="utf-8")


def write_parquet(path: Path | str, table: pl.DataFrame, *, compression: Any = "zstd") -> None:
    """Write `table` as Parquet, atomically.

    Polars itself writes to memory only, everywhere in this package: its errors don't tell that a disk is full.
    """
    held = io.BytesIO()
    table.write_parquet(held, compression=compression)
    with atomic_file(path) as partial:
        partial.write_bytes(held.getbuffer())


def write_csv(path: Path | str, table: pl.DataFrame) -> None:
    """Write `table` as CSV, atomically; see `write_parquet`."""
    with atomic_file(path) as partial:
        partial.write_bytes(table.write_csv().encode())


def sweep(folder: Path, name: str) -> None:
    """Remove what processes that died left in `folder` under hidden names that match the pattern `name` as a whole.

    What a living process holds stays, and so does everything on a system or a disk that can't tell.
    """
    found = re.compile(name)
    for entry in list(os.scandir(folder)):
        if not found.fullmatch(entry.name) or entry.is_symlink():
            continue
        left = Path(entry.path)
        handle = abandoned(left)
        if handle is not None:
            try:
                _remove(left)
            finally:
                os.close(handle)


@contextmanager
def _held(make: Callable[[], Path]) -> Iterator[Path]:
    """What `make` makes, held by this process within the block."""
    while True:
        made = make()
        try:
            handle = hold(made)
        except FileNotFoundError:  # swept by another process in the moment before it was held
            continue
        break
    try:
        yield made
    finally:
        if handle is not None:
            os.close(handle)


def _put(partial: Path, path: Path) -> None:
    """Give `partial` the name `path`, which must be free."""
    try:
        os.link(partial, path)
    except FileExistsError:
        refuse_existing(path)
        raise
    except OSError:  # a disk without links: the name is taken by an empty file first
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            refuse_existing(path)
            raise
        partial.replace(path)


def _rename(partial: Path, path: Path) -> None:
    if path.exists():
        path.rmdir()
    try:
        partial.rename(path)
    except OSError:
        refuse_existing(path)  # made in this very moment
        raise


def _exchange(partial: Path, path: Path) -> None:
    """Put `partial` in the place of the folder `path`; the old one comes back if that fails."""
    old = partial.with_name(f"{partial.name}{_OLD}")
    with only_writer(path, "replacing it", beside=True):
        path.rename(old)
        try:
            partial.rename(path)
        except OSError:
            old.rename(path)
            raise
        _remove(old)


def _settle(path: Path) -> None:
    """Finish what a process that was killed while it replaced `path` left: the old folder comes back if the new one
    isn't there."""
    if not path.parent.is_dir():
        return
    name = re.compile(rf"\.cutis-{re.escape(path.name)}-{_RANDOM}{re.escape(_OLD)}")
    left = [Path(entry.path) for entry in os.scandir(path.parent) if name.fullmatch(entry.name)]
    if not left:
        return
    with only_writer(path, "replacing it", beside=True):
        for old in left:
            if path.exists():
                _remove(old)
            else:
                with suppress(FileNotFoundError):  # settled by another meanwhile
                    old.rename(path)


def _remove(path: Path) -> None:
    """Remove a file or folder, all of it, also if Ctrl-C is pressed meanwhile."""
    stopped: KeyboardInterrupt | None = None
    for _ in range(2):
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
            break
        except KeyboardInterrupt as stop:
            stopped = stop
    if stopped is not None:
        raise stopped


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
