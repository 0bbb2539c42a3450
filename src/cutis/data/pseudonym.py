"""Pseudonyms: the same person gets the same one on this machine, and no one without the key can tell who it is.

A plain hash of a hospital's number is no pseudonym: all numbers can be hashed and compared. So it is keyed (HMAC with
SHA-256, RFC 2104). The key is the environment variable CUTIS_PSEUDONYM_KEY, or else a file of 32 random bytes in the
user's configuration folder, made on first use. Whoever has to link several machines gives them one key; whoever
destroys the key makes the pseudonyms final.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

from cutis.errors import CutisError
from cutis.files import disk_errors
from cutis.schema.spelling import canonical

VARIABLE = "CUTIS_PSEUDONYM_KEY"
LEAST = 16  # bytes of a key
_PATIENCE = 25  # times 20 ms
_STRAY = 60  # seconds after which nobody is still writing a key


def key_file() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "cutis" / "pseudonym.key"


def load_key() -> bytes:
    """The key; made, readable by this user only, if there is none.

    Processes that make the first one at once agree: all but one read that one's. Raises CutisError for a key that is
    too short, or that others may read.
    """
    given = os.environ.get(VARIABLE)
    if given is not None:
        if len(given) < LEAST:
            raise CutisError(f"{VARIABLE} has {len(given)} characters; a key needs at least {LEAST}.")
        return given.encode()
    path = key_file()
    try:
        if not path.is_file():
            make_key(path)
        check_private(path)
        key = _read(path)
    except OSError as error:
        raise CutisError(f"{path}: the key can't be read ({(error.strerror or 'error').lower()}).") from None
    if len(key) < LEAST:
        raise CutisError(f"{path}: {len(key)} bytes; a key needs at least {LEAST}. Remove it to have a new one made.")
    return key


def _read(path: Path) -> bytes:
    """The file's bytes; one that another process is writing, where it can't appear whole, is waited for."""
    for _ in range(_PATIENCE):
        if len(key := path.read_bytes()) >= LEAST:
            break
        time.sleep(0.02)
    return key


def make_key(path: Path) -> bool:
    """Put 32 random bytes at `path`, for its owner's eyes only; False if something is there, which stays as it is.

    The file appears whole or not at all, whenever the process ends.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        for stray in path.parent.glob(f".{path.name}.*"):  # of a process that was killed
            with suppress(FileNotFoundError):  # or of one that is just done
                if time.time() - stray.stat().st_mtime > _STRAY:
                    stray.unlink()
        aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        # Nobody else may open it, from its first moment on.
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(32))
                file.flush()
                os.fsync(file.fileno())
            return _appear(aside, path)
        finally:
            aside.unlink(missing_ok=True)


def _appear(aside: Path, path: Path) -> bool:
    """Give the file its name, unless it is taken: a rename would take it from another process' key."""
    try:
        os.link(aside, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without links: then the name is claimed first, and written at once
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return False
        with os.fdopen(handle, "wb") as file:
            file.write(aside.read_bytes())
    return True


def check_private(path: Path) -> None:
    """Raise CutisError for a key that anyone but its owner may read or change."""
    mode = path.stat().st_mode & 0o777
    if os.name == "posix" and mode & 0o077:
        raise CutisError(
            f"{path}: others may read or change this key (mode {mode:03o}), so its pseudonyms hide nobody. "
            f"Run: chmod 600 {path}; or make another: cutis deidentify --new-key K"
        )


def pseudonym(key: bytes, kind: str, *identity: str) -> str:
    """16 hexadecimal digits for an identity of one kind ("patient", "study"...); its parts are kept apart.

    Spellings of a patient or lesion that are one (`cutis.schema.spelling.canonical`) get one pseudonym.
    """
    if kind in ("patient", "lesion"):
        identity = tuple(map(canonical, identity))
    text = "\x1f".join((kind, *identity)).encode()
    return hmac.new(key, text, hashlib.sha256).hexdigest()[:16]
