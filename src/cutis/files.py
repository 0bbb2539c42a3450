"""Writing files so that nothing half-written stays: write aside, then rename."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cutis.errors import CutisError


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's write errors at `path` into one clear line."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            free = shutil.disk_usage(_existing(path)).free
            raise CutisError(
                f"{path}: the disk is full ({free / 1e6:.0f} MB free); nothing was kept. Free some space and run again."
            ) from None
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise CutisError(f"{path}: no permission to write here. Choose a folder you can write to.") from None
        raise


def _existing(path: Path) -> Path:
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


@contextmanager
def atomic_file(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it over `path` if the block succeeds, remove it if not."""
    path = Path(path)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".cutis-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        partial = Path(name)
        try:
            yield partial
            with partial.open("rb+") as f:
                os.fsync(f.fileno())
            partial.chmod(0o666 & ~_umask())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path | str) -> Iterator[Path]:
    """Yield an empty folder beside `path`; rename it to `path` if the block succeeds, remove it if not.

    Raises CutisError if `path` exists and is not an empty folder.
    """
    path = Path(path)
    refuse_existing(path)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".cutis-{path.name}-", dir=path.parent))
        try:
            yield partial
            partial.chmod(0o777 & ~_umask())
            refuse_existing(path)  # another process may have made it meanwhile
            if path.exists():
                path.rmdir()
            partial.rename(path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def refuse_existing(path: Path) -> None:
    """Raise CutisError unless `path` is free to be made (absent, or an empty folder)."""
    if path.is_dir() and not any(path.iterdir()):
        return
    if path.exists():
        raise CutisError(f"{path} exists already; nothing was changed. Remove it or choose another output path.")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: Path | str, value: Any) -> None:
    """Write `value` as canonical JSON (sorted keys, UTF-8, two spaces, NaN refused), atomically."""
    with atomic_file(path) as partial:
        partial.write_text(canonical_json(value), encoding="utf-8")


def canonical_json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: Path | str) -> Any:
    """Read a JSON file; raises CutisError if it is missing or not JSON."""
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CutisError(f"{path}: no such file.") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CutisError(f"{path}: not valid JSON ({error}); it may be damaged. Make it again.") from None


def sha256_file(path: Path | str) -> str:
    with Path(path).open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def sha256_text(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
