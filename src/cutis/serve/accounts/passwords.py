"""Passwords: what is accepted, how it is stored, and how one is compared without saying whether the account exists."""

from __future__ import annotations

import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from cutis.serve.accounts.turns import Turns
from cutis.serve.kinds import Refused

# argon2id with 64 MiB, 3 passes and 4 lanes: RFC 9106, section 4, the second recommended choice.
HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
# Of a password that is the only factor: NIST SP 800-63B-4, section 3.1.1.2.
SHORTEST, LONGEST = 15, 256
_KINDS = 5  # different characters that a password has at least
# Each hash takes 64 MiB, and a core for about a tenth of a second.
TURNS = Turns(2, most=40, each=20, patience=5.0)


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
    """The argon2id hash to store. Whoever asks for it has a turn of `TURNS`."""
    return HASHER.hash(_normal(password))


def right(password: str, stored: str | None) -> bool:
    """Whether `password` is the stored one. It takes as long when there is no account or no password (None). Whoever
    asks has a turn of `TURNS`."""
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
