"""The key of the pseudonyms as a file of its own: one that others can read is refused."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cutis.data import pseudonym
from cutis.errors import CutisError
from cutis.files import disk_errors

LEAST = 16  # bytes


def read_key(path: Path | None) -> bytes:
    """The key in `path`, or this machine's own (`cutis.data.pseudonym.load_key`) for None.

    Raises CutisError if it is missing, too short, or readable by anyone but its owner.
    """
    if path is None:
        key = pseudonym.load_key()
        if pseudonym.VARIABLE not in os.environ:
            _private(pseudonym.key_file())
        return key
    try:
        if path.is_dir():
            raise CutisError(f"{path}: a folder; a key is a file. Make one: cutis deidentify --new-key {path}/key")
        _private(path)
        key = path.read_bytes()
    except FileNotFoundError:
        raise CutisError(f"{path}: no such key file. Make one: cutis deidentify --new-key {path}") from None
    except OSError as error:
        raise CutisError(f"{path}: the key can't be read ({(error.strerror or 'error').lower()}).") from None
    if len(key) < LEAST:
        raise CutisError(
            f"{path}: {len(key)} bytes; a key needs at least {LEAST}. Make one: cutis deidentify --new-key K"
        )
    return key


def new_key(path: Path) -> None:
    """Write 32 random bytes to `path`, for its owner's eyes only. Raises CutisError if it exists."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise CutisError(f"{path} exists already; nothing was changed. A lost key can't be made again.") from None
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(32))


def _private(path: Path) -> None:
    mode = path.stat().st_mode & 0o777
    if os.name == "posix" and mode & 0o077:
        raise CutisError(
            f"{path}: others may read or change this key (mode {mode:03o}), so its pseudonyms hide nobody. "
            f"Run: chmod 600 {path}; or make another: cutis deidentify --new-key K"
        )
