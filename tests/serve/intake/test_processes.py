"""The decoding processes: bounded, watched, replaced, ended; one bad upload harms nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

from cutis.serve.intake.frames import receive, send
from cutis.serve.intake.intake import Intake
from cutis.serve.kinds import Refused, Taken
from image.costly import jpeg_of_scans

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def wait_for(condition, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def ready(intake: Intake, processes: int = 2) -> None:

    wait_for(lambda: intake.workers.ready == len(intake.workers.pids) == processes, 60)


def test_the_same_as_without_processes(intake, take, every_format, looks):
    from cutis.data.pseudonym import load_key
    from cutis.serve.intake.examine import examine

    for name, data in every_format.items():
        for keep in (True, False):
            here, there = (
                examine(data, looks, keep=keep, key=load_key(), max_pixels=3_000_000),
                take(intake, data, keep),
            )
            assert isinstance(there, Taken), name
            for digest in looks:
                assert np.array_equal(here.seen[digest].square, there.seen[digest].square), name
                assert here.seen[digest].faults == there.seen[digest].faults
                there.seen[digest].square[0, 0, 0].item()
            assert (here.data, here.media_type, here.original) == (there.data, there.media_type, there.original), name
            assert (here.quality, here.mm_per_pixel) == (there.quality, there.mm_per_pixel), name
            assert (here.tone.get("ita"), here.dicom) == (there.tone.get("ita"), there.dicom), name


def test_bounds_before_anything_is_decoded(intake, take, encoded):
    assert take(intake, b"").status == 422
    assert take(intake, bytes(2_000_001)).status == 413
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    png += struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    jpeg = bytearray(encoded(np.zeros((16, 16, 3), np.uint8)))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 65_500, 65_500)
    webp = (
        b"RIFF"
        + struct.pack("<I", 100)
        + b"WEBPVP8X"
        + struct.pack("<I", 10)
        + bytes(4)
        + b"\xff\xff\x3f" * 2
        + bytes(80)
    )
    began = time.monotonic()
    assert [take(intake, bytes(data)).status for data in (png, jpeg)] == [413, 413]
    assert take(intake, webp).status in (413, 422)
    assert time.monotonic() - began < 10


def test_bombs(intake, take, dicom_file, encoded, picture):
    """A small file that would be a gigabyte ends no process and is refused."""
    pids = set(intake.workers.pids)
    # 64 times 16 million zeros: after a full flush the same input gives the same bytes again.
    zeros = zlib.compressobj(9, wbits=-15)
    body = 64 * (zeros.compress(bytes(2**24)) + zeros.flush(zlib.Z_FULL_FLUSH)) + b"\x03\0"
    deflated = dicom_file(picture(8, 8), syntax="1.2.840.10008.1.2.1.99")
    meta = 144 + int.from_bytes(deflated[140:144], "little")  # PS3.10 7.1: the length of the meta header
    assert len(body) < 1_200_000
    assert take(intake, deflated[:meta] + body).status in (413, 422)
    text = zlib.compress(bytes(50_000_000), 9)
    png = encoded(picture(60, 45), "PNG")
    chunk = b"zTXt" + b"Comment\0\0" + text
    bombed = png[:33] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + png[33:]
    said = take(intake, bombed)
    assert isinstance(said, Taken) or said.status == 422
    assert isinstance(take(intake, png), Taken)
    assert set(intake.workers.pids) == pids or not pids


def test_a_process_killed_at_work_is_replaced_and_the_others_go_on(make_intake, encoded, picture, take):
    intake, data = make_intake(), encoded(picture(600, 450))
    try:
        ready(intake)
        stuck = intake.workers.pids[0]
        os.kill(stuck, signal.SIGSTOP)

        async def several() -> list[object]:
            taking = [asyncio.create_task(intake.take(data, keep=False)) for _ in range(20)]
            await asyncio.sleep(0.3)  # one is with the stopped process, the others are answered by the other one
            done = sum(t.done() for t in taking)
            os.kill(stuck, signal.SIGKILL)
            return [done, *await asyncio.gather(*taking, return_exceptions=True)]

        done, *answers = asyncio.run(several())
        assert done >= 1
        failed = [a for a in answers if isinstance(a, BaseException)]
        assert [getattr(f, "status", None) for f in failed] == [422]
        assert failed[0].code == "ended"
        ready(intake)
        assert stuck not in intake.workers.pids
        idle = intake.workers.pids[0]
        os.kill(idle, signal.SIGKILL)  # while it waits for work: nobody notices
        wait_for(lambda: not alive(idle))
        assert isinstance(take(intake, data), Taken)
        ready(intake)
        assert not {stuck, idle} & set(intake.workers.pids)
    finally:
        intake.close()


def test_a_process_that_takes_too_long_is_killed_and_replaced(make_intake, encoded, picture, take):
    intake, data = make_intake(seconds=0.8, workers=1), encoded(picture(600, 450))
    try:
        assert isinstance(take(intake, data), Taken)
        stuck = intake.workers.pids[0]
        os.kill(stuck, signal.SIGSTOP)
        began = time.monotonic()
        refused = take(intake, data)
        assert (refused.status, refused.code) == (422, "too_slow")
        assert time.monotonic() - began < 10
        wait_for(lambda: not alive(stuck))
        assert isinstance(take(intake, data), Taken)
    finally:
        intake.close()


@pytest.mark.parametrize("what", ["take", "keep", "thumbnail", "shrunk", "near_hash"])
def test_a_picture_has_so_much_of_a_processor(make_intake, encoded, picture, what):
    """Whatever is made of it; the process is replaced, and the next picture is taken."""
    intake = make_intake(workers=1, max_pixels=30_000_000, processor=0.3, per_megapixel=0.0)
    try:
        ready(intake, 1)
        data, (pid,) = jpeg_of_scans(4000, 4000, 90), intake.workers.pids
        assert len(data) < 100_000
        made = {
            "take": lambda: intake.take(data, keep=False),
            "keep": lambda: intake.take(data, keep=True),
            "thumbnail": lambda: intake.thumbnail(data),
            "shrunk": lambda: intake.shrunk(data),
            "near_hash": lambda: intake.near_hash(data),
        }[what]
        with pytest.raises(Refused) as caught:
            asyncio.run(made())
        assert (caught.value.status, caught.value.code) == (422, "too_slow")
        wait_for(lambda: not alive(pid))
        assert asyncio.run(intake.thumbnail(encoded(picture(60, 45))))[:3] == b"\xff\xd8\xff"
        assert pid not in intake.workers.pids
    finally:
        intake.close()


def test_what_is_made_small_is_what_it_was_before(intake, encoded, picture):
    from PIL import Image

    from cutis.serve.intake import small

    data = encoded(picture(600, 450), quality=90)
    assert asyncio.run(intake.thumbnail(data)) == small.thumbnail(data)
    assert Image.open(io.BytesIO(small.thumbnail(data))).size == (small.WIDTH, small.HEIGHT)
    assert asyncio.run(intake.shrunk(data)) == small.shrunk(data)
    assert asyncio.run(intake.near_hash(data)) == tuple(small.near_hash(data).tolist())
    for bad, status in ((b"nothing", 415), (data[:400], 422), (encoded(picture(60, 45), "PNG")[:-30], 422)):
        for made in (intake.thumbnail, intake.shrunk, intake.near_hash):
            with pytest.raises(Refused) as caught:
                asyncio.run(made(bad))
            assert caught.value.status == status


def test_each_who_asks_has_their_turn(make_intake, encoded, picture):
    """Who sends twenty leaves the next one second, not twenty-first."""
    intake, data = make_intake(workers=1, patience=60.0), encoded(picture(60, 45))
    try:
        ready(intake, 1)
        (pid,) = intake.workers.pids
        os.kill(pid, signal.SIGSTOP)

        async def crowd() -> list[str]:
            order: list[str] = []

            async def one(whose: str) -> None:
                await intake.take(data, keep=False, whose=whose)
                order.append(whose)

            tasks = [asyncio.create_task(one("many")) for _ in range(20)]
            await asyncio.sleep(0.2)
            tasks += [asyncio.create_task(one(whose)) for whose in ("few", "other")]
            await asyncio.sleep(0.2)
            os.kill(pid, signal.SIGCONT)
            await asyncio.gather(*tasks)
            return order

        order = asyncio.run(crowd())
        assert order.index("few") <= 2
        assert order.index("other") <= 3
    finally:
        intake.close()


def test_one_who_asks_leaves_room_for_others(make_intake, encoded, picture):
    intake, data = make_intake(workers=1, max_waiting=8, patience=60.0), encoded(picture(60, 45))
    try:
        ready(intake, 1)
        (pid,) = intake.workers.pids
        os.kill(pid, signal.SIGSTOP)

        async def crowd() -> None:
            first = [asyncio.create_task(intake.take(data, keep=False, whose="few"))]
            await asyncio.sleep(0.2)  # that one is with the process
            first += [asyncio.create_task(intake.take(data, keep=False, whose="few"))]
            await asyncio.sleep(0.1)
            first += [asyncio.create_task(intake.take(data, keep=False, whose="many")) for _ in range(6)]
            await asyncio.sleep(0.1)
            with pytest.raises(Refused) as caught:
                await intake.take(data, keep=False, whose="many")
            assert caught.value.status == 429
            first += [asyncio.create_task(intake.take(data, keep=False, whose="few"))]
            await asyncio.sleep(0.1)
            os.kill(pid, signal.SIGCONT)
            assert all(isinstance(taken, Taken) for taken in await asyncio.gather(*first))

        asyncio.run(crowd())
    finally:
        intake.close()


def test_too_much_waiting_is_told_at_once_and_who_gave_up_is_left_out(make_intake, encoded, picture, take):
    intake, data = make_intake(workers=1, max_waiting=2, patience=1.0), encoded(picture(60, 45))
    try:
        ready(intake, 1)
        (pid,) = intake.workers.pids
        os.kill(pid, signal.SIGSTOP)

        async def crowd() -> list[object]:
            first = [asyncio.create_task(intake.take(data, keep=False))]
            await asyncio.sleep(0.2)  # that one is with the process
            first += [asyncio.create_task(intake.take(data, keep=False)) for _ in range(2)]
            await asyncio.sleep(0.1)
            with pytest.raises(Refused) as caught:
                await intake.take(data, keep=False)
            assert (caught.value.status, caught.value.retry_after) == (429, 2)
            first[1].cancel()
            with pytest.raises(Refused) as caught:
                await first[2]
            assert (caught.value.status, caught.value.retry_after) == (503, 5)
            os.kill(pid, signal.SIGCONT)
            return await asyncio.gather(*first, return_exceptions=True)

        answered, cancelled, impatient = asyncio.run(crowd())
        assert isinstance(answered, Taken)
        assert isinstance(cancelled, asyncio.CancelledError)
        assert isinstance(impatient, Refused)
    finally:
        intake.close()


def test_closing_ends_all_and_refuses_what_waits(make_intake, encoded, picture):
    intake, data = make_intake(), encoded(picture(60, 45))
    ready(intake)
    pids = intake.workers.pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)

    async def waiting() -> list[object]:
        tasks = [asyncio.create_task(intake.take(data, keep=True)) for _ in range(5)]
        await asyncio.sleep(0.2)
        await asyncio.to_thread(intake.close)
        return await asyncio.gather(*tasks, return_exceptions=True)

    assert {getattr(a, "status", None) for a in asyncio.run(waiting())} == {503}
    wait_for(lambda: not any(alive(pid) for pid in pids))
    with pytest.raises(Refused, match="stopping"):
        asyncio.run(intake.take(data, keep=False))


def test_processes_end_with_the_server():
    code = """
import sys, time
from pathlib import Path
from cutis.bundle.look import Look
from cutis.serve.intake.intake import Intake
from cutis.serve.settings import Settings
intake = Intake(Settings((), "sqlite://", Path("x")), {"a": Look(32, "none", {})})
while len(intake.workers.pids) < 2: time.sleep(0.05)
print(*intake.workers.pids, flush=True)
time.sleep(60)
"""
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    pids = [int(pid) for pid in server.stdout.readline().split()]
    server.kill()
    server.wait()
    server.stdout.close()
    assert len(pids) == 2
    wait_for(lambda: not any(alive(pid) for pid in pids))


def test_processes_know_no_secrets_and_write_no_files(intake, take, encoded, picture, monkeypatch, make_intake):
    monkeypatch.setenv("CUTIS_STORE_PASSWORD", "hunter2")
    other = make_intake(workers=1)
    try:
        assert isinstance(take(other, encoded(picture())), Taken)
        (pid,) = other.workers.pids
        assert b"hunter2" not in Path(f"/proc/{pid}/environ").read_bytes()
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert [line.split()[-3] for line in limits.splitlines() if line.startswith("Max file size")] == ["0"]
        assert not any("unlimited" in line for line in limits.splitlines() if line.startswith("Max address space"))
    finally:
        other.close()


def test_messages():
    stream = io.BytesIO()
    send(stream, {"a": [1, None, "ä"]}, b"", b"bytes", memoryview(b"more"))
    whole = stream.getvalue()
    stream.seek(0)
    assert receive(stream, 9) == ({"a": [1, None, "ä"]}, [b"", b"bytes", b"more"])
    assert receive(stream, 9) is None
    with pytest.raises(ValueError, match="too long"):
        receive(io.BytesIO(whole), 8)
    for cut in range(1, len(whole)):
        with pytest.raises((EOFError, ValueError)):
            receive(io.BytesIO(whole[:cut]), 9)
    with pytest.raises(ValueError, match="too long"):
        receive(io.BytesIO(b"\xff\xff\xff\xff"), 9)
    for fields in (b"[]", b"{}", b'{"sizes": [-1]}', b'{"sizes": [true]}', b'{"sizes": 3}'):
        with pytest.raises(ValueError, match="message"):
            receive(io.BytesIO(len(fields).to_bytes(4) + fields), 9)
    with pytest.raises(ValueError, match="JSON"):
        send(io.BytesIO(), {"a": float("nan")})


@pytest.mark.slow
def test_the_largest_picture_fits_into_the_memory_of_a_process(make_intake, take):
    """60 million pixels, smooth noise: PNG with transparency (the most that Pillow holds), JPEG turned by EXIF."""
    import simplejpeg
    from PIL import Image

    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (300, 200, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize((6300, 9450), Image.Resampling.BILINEAR)
    intake = make_intake(workers=1, max_bytes=400_000_000, max_pixels=60_000_000, seconds=120.0)
    try:
        out = io.BytesIO()
        image.convert("RGBA").save(out, "PNG", compress_level=1)
        jpeg = simplejpeg.encode_jpeg(np.asarray(image), quality=90, colorspace="RGB")
        exif = Image.Exif()
        exif[0x0112] = 6
        body = exif.tobytes()
        turned = jpeg[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body + jpeg[2:]
        deep = io.BytesIO()
        Image.fromarray(np.asarray(image)[..., 0].astype(np.uint16) * 257).save(deep, "PNG", compress_level=1)
        for name, data in (("rgba", out.getvalue()), ("16 bits", deep.getvalue()), ("turned", turned), ("jpeg", jpeg)):
            for keep in (False, True):
                began = time.monotonic()
                taken = take(intake, data, keep)
                print(name, keep, f"{time.monotonic() - began:.1f} s")
                assert isinstance(taken, Taken), f"{name}: {taken}"
    finally:
        intake.close()
