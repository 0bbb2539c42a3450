"""Damaged files of every format, seeded: each is taken or refused in one line, and no process is lost to the next."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from cutis.serve.intake.intake import Intake
from cutis.serve.kinds import Refused, Taken

EXTREMES = [b"\0\0", b"\xff\xff", b"\x7f\xff", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0"]


def mutated(good: list[bytes], rng: np.random.Generator) -> bytes:
    """A file with one to eight of: bytes changed, an extreme number, cut, a piece repeated, removed, or of another."""
    data = bytearray(good[rng.integers(len(good))])
    for _ in range(rng.integers(1, 9)):
        size = max(1, len(data))
        # Headers are where the harm is done: half of the places are among the first 300 bytes.
        at = int(rng.integers(min(size, 300) if rng.random() < 0.5 else size))
        length = int(rng.integers(1, 65))
        match rng.integers(6):
            case 0:
                for _ in range(int(rng.integers(1, 9))):
                    if data:
                        data[int(rng.integers(at, min(at + 64, len(data)) or 1)) % len(data)] = int(rng.integers(256))
            case 1:
                number = EXTREMES[rng.integers(len(EXTREMES))]
                data[at : at + len(number)] = number
            case 2:
                if rng.random() < 0.3:
                    del data[at:]
            case 3:
                data[at:at] = data[at : at + length] * int(rng.integers(1, 50))
            case 4:
                del data[at : at + length]
            case 5:
                other = good[rng.integers(len(good))]
                start = int(rng.integers(len(other)))
                data[at : at + length] = other[start : start + length]
    return bytes(data)


def corpus(good: list[bytes], n: int, seed: int) -> Iterator[bytes]:
    for index in range(n):
        yield mutated(good, np.random.default_rng([seed, index]))


def fuzz(intake: Intake, files: Iterator[bytes], known: bytes) -> Counter[str]:
    counts: Counter[str] = Counter()

    async def one(index: int, data: bytes) -> None:
        (said,) = await asyncio.gather(intake.take(data, keep=bool(index % 3)), return_exceptions=True)
        if isinstance(said, Taken):
            assert said.width * said.height <= 3_000_000
            counts["taken"] += 1
            return
        assert isinstance(said, Refused)
        assert said.status in (413, 415, 422), f"file {index}: {said}"
        assert "\n" not in str(said)
        assert len(str(said)) < 400
        counts["ended its process" if "ended the process" in str(said) else str(said.status)] += 1
        counts["too slow"] += "more than" in str(said) and "seconds" in str(said)

    async def all_of_them() -> None:
        gate = asyncio.Semaphore(16)

        async def bounded(index: int, data: bytes) -> None:
            async with gate:
                await one(index, data)

        await asyncio.gather(*(bounded(i, d) for i, d in enumerate(files)))
        assert isinstance(await intake.take(known, keep=True), Taken)

    asyncio.run(all_of_them())
    return counts


def test_200_damaged_files(intake, every_format):
    counts = fuzz(intake, corpus(list(every_format.values()), 200, 1), every_format["jpeg"])
    assert counts["taken"] > 10
    assert counts["422"] > 50
    assert counts["too slow"] == counts["ended its process"] == 0


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_5000_damaged_files(make_intake: Callable[..., Intake], every_format, planted, picture):
    marks = planted.Marks()
    rich = [getattr(planted, kind)(picture(60, 45), marks) for kind in ("jpeg", "png", "tiff", "webp", "dicom")]
    intake = make_intake()
    try:
        counts = fuzz(intake, corpus([*every_format.values(), *rich], 5000, 2), every_format["jpeg"])
    finally:
        intake.close()
    print(dict(counts))
    assert counts["taken"] > 250
    assert counts["too slow"] == 0
    assert counts["ended its process"] <= 5  # a decoder may crash; the server doesn't
