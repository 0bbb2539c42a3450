"""What is made once: however many ask, whoever leaves, whatever fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from cutis.serve.inference import kept as room
from cutis.serve.inference.kept import Kept
from cutis.serve.kinds import Refused


class Making:
    """Counts what is made, and how many at a time."""

    def __init__(self, fails: Refused | None = None) -> None:
        self.made: list[str] = []
        self.now = self.most = 0
        self.fails = fails

    def of(self, name: str) -> Callable[[], Awaitable[str]]:
        async def make() -> str:
            self.made.append(name)
            self.now += 1
            self.most = max(self.most, self.now)
            try:
                await asyncio.sleep(0.01)
                if self.fails is not None:
                    raise self.fails
                return f"the {name}"
            finally:
                self.now -= 1

        return make


def test_once_however_many_ask() -> None:
    async def done() -> None:
        kept, making = Kept[str](3), Making()
        asked = [kept.get(name, making.of(name)) for name in ("a", "b") * 10]
        assert await asyncio.gather(*asked) == ["the a", "the b"] * 10
        assert (sorted(making.made), making.most) == (["a", "b"], 2)
        for name in ("c", "a", "d"):
            await kept.get(name, making.of(name))
        await kept.get("a", making.of("a"))  # was looked at, so it stayed
        await kept.get("b", making.of("b"))
        assert making.made[2:] == ["c", "d", "b"]
        assert not kept._locks

    asyncio.run(done())


def test_one_at_a_time() -> None:
    async def done() -> None:
        kept, making = Kept[str](9, one_at_a_time=True), Making()
        await asyncio.gather(*(kept.get(name, making.of(name)) for name in "abcabc"))
        assert (making.made, making.most) == (["a", "b", "c"], 1)

    asyncio.run(done())


def test_who_leaves_takes_nothing_from_who_stays() -> None:
    async def done() -> None:
        kept, making = Kept[str](9), Making()
        first, second = (asyncio.create_task(kept.get("a", making.of("a"))) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == "the a"
        assert making.made == ["a", "a"]

    asyncio.run(done())


@pytest.mark.parametrize(("again", "seconds", "tries"), [(None, 600.0, 1), (5, 600.0, 3), (None, 0.0, 3)])
def test_what_failed_for_good_is_not_tried_at_every_look(
    again: int | None, seconds: float, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "FAILED", seconds)

    async def done() -> None:
        kept, making = Kept[str](9), Making(Refused(422, "no", retry_after=again, code="too_slow"))
        for _ in range(3):
            with pytest.raises(Refused, match="no") as caught:
                await kept.get("a", making.of("a"))
            assert (caught.value.status, caught.value.code) == (422, "too_slow")
        assert len(making.made) == tries

    asyncio.run(done())
