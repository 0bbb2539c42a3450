from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from cutis.serve.guard.rates import Rate, client
from cutis.serve.kinds import Refused


class Clock:
    time = 0.0

    def __call__(self) -> float:
        return self.time


def test_a_burst_then_a_steady_pace() -> None:
    clock = Clock()
    rate = Rate(burst=3, every=10, clock=clock)
    for _ in range(3):
        rate.take("a")
    with pytest.raises(Refused, match="Wait 10 s") as refused:
        rate.take("a")
    assert (refused.value.status, refused.value.retry_after) == (429, 10)
    rate.take("b")
    clock.time = 9.9
    with pytest.raises(Refused, match="Wait 1 s"):
        rate.take("a")
    clock.time = 10
    rate.take("a")
    clock.time = 1000
    for _ in range(3):
        rate.take("a")
    with pytest.raises(Refused):
        rate.take("a")


def test_as_many_keys_as_it_was_told() -> None:
    rate = Rate(burst=1, every=10, keys=100, clock=Clock())
    for i in range(1000):
        rate.take(str(i))
    assert len(rate._tried) == 100


@given(st.lists(st.floats(0, 5), max_size=60))
def test_never_more_than_the_burst_and_the_pace_allow(pauses: list[float]) -> None:
    clock = Clock()
    rate = Rate(burst=4, every=2, clock=clock)
    allowed: list[float] = []
    for pause in pauses:
        clock.time += pause
        try:
            rate.take("a")
            allowed.append(clock.time)
        except Refused:
            continue
    for i, first in enumerate(allowed):
        for j in range(i, len(allowed)):
            assert j - i + 1 <= 4 + (allowed[j] - first) / 2 + 1e-6


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
    ],
)
def test_whose_tries_are_counted_together(host: str, key: str) -> None:
    assert client(Request({"type": "http", "client": (host, 1), "headers": []})) == key
