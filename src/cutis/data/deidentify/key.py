"""The key of the pseudonyms as a file of its own: one that others can read is refused."""

from __future__ import annotations

from pathlib import Path

from cutis.data.pseudonym import LEAST, check_private, load_key, make_key
from cutis.errors import CutisError


def read_key(path: Path | None) -> bytes:
    """The key in `path`, or this machine's own (`cutis.data.pseudonym.load_key`) for None.

    Raises CutisError if it is missing, too short, or readable by anyone but its owner.
    """
    if path is None:
        return load_key()
    try:
        if path.is_dir():
            raise CutisError(f"{path}: a folder; a key is a file. Make one: cutis deidentify --new-key {path}/key")
        check_private(path)
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
    if path.exists() or not make_key(path):
        raise CutisError(f"{path} exists already; nothing was changed. A lost key can't be made again.")
