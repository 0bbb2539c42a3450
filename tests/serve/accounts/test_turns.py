"""Turns: so many at a time, each key in its turn, and no endless queue."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack

import pytest

from cutis.serve.accounts.turns import Turns
from cutis.serve.kinds import Refused


def crowd(turns: Turns, keys: list[str], seconds: float = 0.0) -> tuple[list[str], list[int], int]:
    """Whose turn it was in order, the status of those who were refused, and the most at once.

    All turns are taken until everybody has come, one after the other, whatever else the machine does.
    """
    order: list[str] = []
    refused: list[int] = []
    now = most = 0
    held = threading.Lock()

    def one(key: str) -> None:
        nonlocal now, most
        try:
            with turns.turn(key):
                with held:
                    order.append(key)
                    now += 1
                    most = max(most, now)
                time.sleep(seconds)
                with held:
                    now -= 1
        except Refused as error:
            refused.append(error.status)

    threads = [threading.Thread(target=one, args=(key,)) for key in keys]
    with ExitStack() as first:
        for _ in range(turns.at_once):
            first.enter_context(turns.turn("first"))
        for n, thread in enumerate(threads, 1):
            thread.start()
            end = time.monotonic() + 30
            while sum(map(len, turns._waiting.values())) + len(refused) < n and time.monotonic() < end:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    return order, refused, most


def test_so_many_at_a_time() -> None:
    turns = Turns(2, most=40, each=20, patience=60)
    order, refused, most = crowd(turns, ["a"] * 10 + ["b"] * 10, seconds=0.05)
    assert (len(order), refused, most) == (20, [], 2)
    assert (turns._free, len(turns._waiting)) == (2, 0)


def test_each_key_in_its_turn() -> None:
    order, _, _ = crowd(Turns(1, most=40, each=20, patience=60), ["flood"] * 12 + ["one", "other"])
    assert order[:4] == ["flood", "one", "other", "flood"]


@pytest.mark.parametrize(("each", "most", "served"), [(3, 40, 3), (40, 5, 5)])
def test_too_many_are_refused_at_once(each: int, most: int, served: int) -> None:
    order, refused, _ = crowd(Turns(1, most=most, each=each, patience=60), ["a"] * 12)
    assert (len(order), refused) == (served, [503] * (12 - served))


def test_who_has_no_patience_left_leaves_the_queue() -> None:
    turns = Turns(1, most=40, each=20, patience=0.05)
    with turns.turn("a"):
        for key in ("a", "b"):
            with pytest.raises(Refused) as refused, turns.turn(key):
                pass
            assert refused.value.status == 503
    assert (turns._free, len(turns._waiting)) == (1, 0)


def test_a_turn_ends_with_an_error_too() -> None:
    turns = Turns(1, most=4, each=4, patience=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), turns.turn("a"):
            raise ZeroDivisionError
    assert turns._free == 1
