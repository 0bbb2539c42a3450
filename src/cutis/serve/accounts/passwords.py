"""Passwords: what is accepted, how it is stored, and how one is compared without saying whether the account exists."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from cutis.serve.kinds import Refused

# argon2id with 64 MiB, 3 passes and 4 lanes: RFC 9106, section 4, the second recommended choice.
HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
# Of a password that is the only factor: NIST SP 800-63B-4, section 3.1.1.2.
SHORTEST, LONGEST = 15, 256
_KINDS = 5  # different characters that a password has at least
_PATIENCE = 10.0
_turns = threading.BoundedSemaphore(2)  # each hash takes 64 MiB


def check(password: str, name: str) -> None:
    """Raise Refused(422) unless `password` may become that of account `name`."""
    text = _normal(password)
    if len(text) < SHORTEST:
        raise Refused(
            422, f"the password has {len(text)} characters; {SHORTEST} or more are needed. A few words do well."
        )
    if len(text) > LONGEST:
        raise Refused(
            422, f"the password has {len(text):,} characters; at most {LONGEST} are taken. Use a shorter one."
        )
    if len(set(text)) < _KINDS or name.casefold() in text.casefold():
        raise Refused(
            422,
            f"the password is easy to guess: it holds the account's name or fewer than {_KINDS} different characters.",
        )


def hashed(password: str) -> str:
    """The argon2id hash to store."""
    with _turn():
        return HASHER.hash(_normal(password))


def right(password: str, stored: str | None) -> bool:
    """Whether `password` is the stored one. It takes as long when there is no account or no password (None)."""
    with _turn():
        nobody = _nobody(HASHER)
        try:
            return HASHER.verify(stored or nobody, _normal(password[:LONGEST])) and stored is not None
        except (VerificationError, InvalidHashError):
            return False


def outdated(stored: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return HASHER.check_needs_rehash(stored)


@cache
def _nobody(hasher: PasswordHasher) -> str:
    return hasher.hash(secrets.token_urlsafe())


def _normal(password: str) -> str:
    """The same characters typed on another keyboard are the same password (NFKC, as NIST SP 800-63B-4 asks)."""
    return unicodedata.normalize("NFKC", password)


@contextmanager
def _turn() -> Iterator[None]:
    """Two hashes at a time, so that many logins at once can't take all memory."""
    if not _turns.acquire(timeout=_PATIENCE):
        raise Refused(503, "too many people log in at this moment. Try again in a few seconds.", retry_after=5)
    try:
        yield
    finally:
        _turns.release()
