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
from pathlib import Path

from cutis.errors import CutisError
from cutis.files import atomic_file
from cutis.schema.spelling import canonical

VARIABLE = "CUTIS_PSEUDONYM_KEY"


def key_file() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "cutis" / "pseudonym.key"


def load_key() -> bytes:
    """The key; made, readable by this user only, if there is none. Raises CutisError for one that is too short."""
    given = os.environ.get(VARIABLE)
    if given is not None:
        if len(given) < 16:
            raise CutisError(f"{VARIABLE} has {len(given)} characters; a key needs at least 16.")
        return given.encode()
    path = key_file()
    if not path.is_file():
        with atomic_file(path) as partial:
            partial.write_bytes(secrets.token_bytes(32))
        path.chmod(0o600)
    key = path.read_bytes()
    if len(key) < 16:
        raise CutisError(f"{path}: {len(key)} bytes; a key needs at least 16. Remove it to have a new one made.")
    return key


def pseudonym(key: bytes, kind: str, *identity: str) -> str:
    """16 hexadecimal digits for an identity of one kind ("patient", "study"...); its parts are kept apart.

    Spellings of a patient or lesion that are one (`cutis.schema.spelling.canonical`) get one pseudonym.
    """
    if kind in ("patient", "lesion"):
        identity = tuple(map(canonical, identity))
    text = "\x1f".join((kind, *identity)).encode()
    return hmac.new(key, text, hashlib.sha256).hexdigest()[:16]
