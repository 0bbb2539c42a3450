"""What may be a password, how it is kept, and that a comparison tells nothing."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type

from cutis.serve.accounts import passwords
from cutis.serve.kinds import Refused
from serve.guard.small import SECRETS


def test_the_hash_is_argon2id_with_the_parameters_of_rfc_9106(
    monkeypatch: pytest.MonkeyPatch, real_hasher: PasswordHasher
) -> None:
    monkeypatch.setattr(passwords, "HASHER", real_hasher)  # the real work, once
    stored = passwords.hashed(SECRETS["boss"])
    found = extract_parameters(stored)
    assert (found.type, found.memory_cost, found.time_cost, found.parallelism) == (Type.ID, 64 * 1024, 3, 4)
    assert passwords.right(SECRETS["boss"], stored)
    assert not passwords.right(SECRETS["boss"] + "x", stored)


def test_the_same_password_is_never_stored_alike() -> None:
    assert passwords.hashed(SECRETS["boss"]) != passwords.hashed(SECRETS["boss"])


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("fourteen chars", "14 characters; 15"),
        ("x" * 300, "at most 256"),
        ("abababababababababab", "easy to guess"),
        ("the boss is in the house", "easy to guess"),
    ],
)
def test_a_poor_password_is_refused_with_the_reason(password: str, words: str) -> None:
    with pytest.raises(Refused, match=words) as refused:
        passwords.check(password, "boss")
    assert refused.value.status == 422
    assert password not in str(refused.value)


def test_one_password_typed_on_two_keyboards_is_one() -> None:
    """Composed and decomposed letters (NFKC)."""
    stored = passwords.hashed("Stra\u00dfenbahn f\u00fcr Z\u00fcrich")
    assert passwords.right("Stra\u00dfenbahn fu\u0308r Zu\u0308rich", stored)


def test_no_password_opens_an_account_that_has_none() -> None:
    assert not passwords.right("", None)
    assert not passwords.right(SECRETS["boss"], None)


def test_a_damaged_hash_opens_nothing() -> None:
    assert not passwords.right(SECRETS["boss"], "not a hash")


def test_an_unknown_account_takes_as_much_work_as_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: the same number of verifications with the same parameters."""
    done: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str, password: str) -> bool:  # noqa: A002
            done.append(hash.rpartition("$")[0].rpartition("$")[0])
            return super().verify(hash, password)

    stored = passwords.hashed(SECRETS["boss"])
    monkeypatch.setattr(passwords, "HASHER", Counting(time_cost=1, memory_cost=8, parallelism=1))
    assert not passwords.right("some wrong password", stored)
    assert not passwords.right("some wrong password", None)
    assert len(done) == 2
    assert done[0] == done[1]
