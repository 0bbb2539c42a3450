"""What costs too much is refused from its header, in every format; memory has one budget for all threads."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from costly import jpeg_of_scans, png, png_chunk
from PIL import Image

from cutis.image.budget import BUDGET, Budget
from cutis.image.decode import BadImage, cost, decode, probe, read_square, room_for
from cutis.image.jpeg import MOST_SCANS
from cutis.image.opened import MAX_SIDE
from cutis.image.source import inflated
from cutis.report.thumbs import save_thumb

BOMB = zlib.compress(bytes(20_000_000), 9)


def test_a_jpeg_of_many_scans_is_valid_and_refused():
    """Each scan goes over every pixel: what is small to send is dear to decode."""
    fine = jpeg_of_scans(64, 48, MOST_SCANS)
    assert (decode(fine, "x") == 128).all()
    assert np.asarray(Image.open(io.BytesIO(fine))).tolist() == np.full((48, 64), 128).tolist()
    assert probe(fine, "x").scans == MOST_SCANS
    for scans in (MOST_SCANS + 1, 883):
        many = jpeg_of_scans(64, 48, scans)
        for read in (probe, decode, cost, lambda d, n: read_square(d, 32)):
            with pytest.raises(BadImage, match="more than 100 scans"):
                read(many, "x")
    assert len(many) < 12_000


def test_scans_are_counted_where_they_are_coded_only(picture, encoded):
    """FF DA in a comment or behind the end is no scan."""
    data = encoded(picture(60, 45), "JPEG", progressive=True)
    comment = b"\xff\xfe" + (2 + 600).to_bytes(2) + b"\xff\xda" * 300
    odd = data[:2] + comment + data[2:] + b"\xff\xda" * 300
    assert probe(odd, "x").scans == probe(data, "x").scans == 10
    assert np.array_equal(decode(odd, "x"), decode(data, "x"))
    assert probe(encoded(picture(60, 45), "JPEG"), "x").scans == 1


def test_many_scans_of_a_large_picture_are_refused_by_their_time():
    large = jpeg_of_scans(8000, 8000, 60)
    assert cost(jpeg_of_scans(800, 800, 60), "x").seconds < 1
    with pytest.raises(BadImage, match="8000 x 8000 pixels in 60 scans take too long"):
        decode(large, "x")


def test_a_thumbnail_has_the_same_limits(tmp_path: Path):
    (tmp_path / "x.jpg").write_bytes(jpeg_of_scans(64, 48, 300))
    (tmp_path / "y.jpg").write_bytes(jpeg_of_scans(64, 48, 30))
    assert not save_thumb(tmp_path, "x.jpg", tmp_path / "small.jpg")
    assert save_thumb(tmp_path, "y.jpg", tmp_path / "small.jpg")


def webp_canvas() -> bytes:
    return (
        b"RIFF" + struct.pack("<I", 30) + b"WEBPVP8X" + struct.pack("<I", 10) + bytes((2, 0, 0, 0)) + b"\xfe\x3f\0" * 2
    )


def gif(middle: bytes) -> bytes:
    out = io.BytesIO()
    Image.new("L", (4, 4)).save(out, "GIF")
    data = out.getvalue()
    start = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    return data[:start] + middle + data[start:]


def jpeg2000(side: int = 512, **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side)).save(out, "JPEG2000", **options)
    return out.getvalue()


def layered() -> bytes:
    data = jpeg2000(tile_size=(16, 16))
    at = data.index(b"\xff\x52") + 6
    return data[:at] + b"\xff\xff" + data[at + 2 :]


def precincts() -> bytes:
    """Of one pixel each: Scod's first bit says that sizes follow, and 0 is 2^0 both ways."""
    data = jpeg2000(1024, num_resolutions=1)
    at = data.index(b"\xff\x52\0\x0c\0")
    return data[:at] + b"\xff\x52\0\x0d\1" + data[at + 5 : at + 14] + b"\0" + data[at + 14 :]


def mismatched() -> bytes:
    data = jpeg2000()
    at = data.index(b"ihdr") + 4
    return data[:at] + struct.pack(">II", 16, 16) + data[at + 8 :]


def tiff(**tags: int) -> bytes:
    """A TIFF page of the tags given (by number, as _256), each LONG, and 100 zeros of pixels."""
    entries = {256: 10, 257: 10, 258: 8, 259: 1, 262: 1, 273: 400, 277: 1, 278: 10, 279: 100}
    entries |= {int(name[1:]): value for name, value in tags.items()}
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(entries.items()))
    data = b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4)
    return data.ljust(400, b"\0") + bytes(100)


def many_numbers() -> bytes:
    data = bytearray(tiff())
    at = data.index(struct.pack("<HHI", 258, 4, 1))
    data[at : at + 8] = struct.pack("<HHI", 258, 3, 50_000_000)
    return bytes(data)


BOMBS = {
    "PNG, one column": (lambda: png(1, 99_999_999, 8, 0), f"at most {MAX_SIDE:,} a side"),
    "PNG, one row": (lambda: png(99_999_999, 1), "a side"),
    "PNG, pixels": (lambda: png(60_000, 60_000), "at most 100 million"),
    "PNG, profile": (lambda: png(4, 4, before=png_chunk(b"iCCP", b"x\0\0" + BOMB)), "more than 4 MB once inflated"),
    "PNG, text": (lambda: png(4, 4, before=png_chunk(b"zTXt", b"x\0\0" + BOMB), raw=bytes(52)), "too large"),
    "PNG, chunks": (lambda: png(4, 4, before=png_chunk(b"tEXt", b"x\0") * 200_001), "more than 200000 chunks"),
    "WebP, canvas": (webp_canvas, "16383 x 16383 pixels; at most 100 million"),
    "GIF, blocks": (lambda: gif(b"\x21\xfe" + b"\x01a" * 2_000_001 + b"\0"), "more than 2,000,000 blocks"),
    "JPEG, segments": (lambda: b"\xff\xd8" + b"\xff\xfe\0\2" * 20_001 + jpeg_of_scans(8, 8, 1)[2:], "20,000 segments"),
    "JPEG 2000, layers": (layered, "packets"),
    "JPEG 2000, precincts": (precincts, "packets in 3,145,728 precincts"),
    "JPEG 2000, sizes": (mismatched, "its header says 16 x 16 pixels, what is coded 512 x 512"),
    "TIFF, tile": (lambda: tiff(_322=40_000, _323=40_000, _324=400, _325=100), "tiles of 40000 x 40000"),
    "TIFF, numbers": (many_numbers, "tag 258 holds 50,000,000 numbers"),
    "PPM as text": (lambda: b"P2 3000 3000 255\n1 1 1", "as text of more than 4 million pixels"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_without_memory_or_time(name: str):
    make, words = BOMBS[name]
    data = make()
    if len(data) < 500_000:  # tracing makes long walks slow
        tracemalloc.start()
    start = time.process_time()
    for read in (probe, decode):
        with pytest.raises(BadImage, match=words) as error:
            read(data, "x")
        assert "\n" not in str(error.value)
    assert time.process_time() - start < 5
    if tracemalloc.is_tracing():
        assert tracemalloc.get_traced_memory()[1] < 60e6
        tracemalloc.stop()


def test_fill_bytes_and_frames_are_walked_quickly(picture, encoded):
    data = encoded(picture(60, 45), "JPEG")
    filled = data[:2] + b"\xff" * 20_000_000 + data[2:]
    start = time.process_time()
    assert np.array_equal(decode(filled, "x"), decode(data, "x"))
    frame = b"\x2c" + bytes(4) + struct.pack("<HH", 1, 1) + b"\0\x02\x02\x44\x01\0"
    assert probe(gif(frame * 500_000), "x").frames == 10_000
    assert time.process_time() - start < 5


def test_tiff_pages_and_loops(encoded):
    pages = [Image.new("L", (4, 4), k) for k in range(3)]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert probe(data, "x").frames == 3
    last = tiff()
    end = 8 + 2 + 12 * 9
    assert probe(last[:end] + struct.pack("<I", 8) + last[end + 4 :], "x").frames == 1  # a page that follows itself


def test_inflated_never_passes_its_limit():
    assert inflated(zlib.compress(b"abc"), 3, "x") == b"abc"
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    assert inflated(raw.compress(b"abc") + raw.flush(), 99, "x", wbits=-15) == b"abc"
    for data, words in ((BOMB, "more than 1 MB once inflated"), (BOMB[:-9], "more"), (b"no", "can't be inflated")):
        with pytest.raises(BadImage, match=words):
            inflated(data, 1_000_000, "x")
    with pytest.raises(BadImage, match="truncated"):
        inflated(zlib.compress(b"abc")[:-5], 99, "x")


@pytest.mark.parametrize(
    ("form", "mode", "options"),
    [
        ("PNG", "RGBA", {}), ("PNG", "L", {}), ("JPEG", "RGB", {}), ("JPEG", "RGB", {"progressive": True}),
        ("JPEG", "CMYK", {}), ("TIFF", "RGB", {}), ("WEBP", "RGB", {}), ("GIF", "L", {}), ("BMP", "RGB", {}),
        ("PPM", "RGB", {}), ("AVIF", "RGB", {}), ("JPEG2000", "RGB", {}),
        ("JPEG2000", "RGB", {"codeblock_size": (4, 4)}),
    ],
)  # fmt: skip
def test_cost_is_said_before_decoding(form: str, mode: str, options: dict[str, object], encoded):
    data = encoded(Image.new(mode, (64, 48)), form, **options)
    said = cost(data, "x")
    assert said.pixels == 64 * 48
    assert said.memory >= 3 * said.pixels
    assert said.passes >= said.pixels * said.scans
    assert 0 < said.seconds < 0.1
    assert said.scans == (10 if options.get("progressive") else 1)
    if form == "JPEG2000" and options:
        assert said.memory > 80 * said.pixels  # code-blocks of 16 pixels


def test_the_budget_is_never_passed_by_several():
    budget, most, now, lock = Budget(100), 0, 0, threading.Lock()

    def work(size: int) -> None:
        nonlocal most, now
        with budget.hold(size):
            with lock:
                now += size
                most = max(most, now)
            time.sleep(0.002)
            with lock:
                now -= size

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [30, 70, 10, 50, 60, 100, 1] * 10))
    assert most <= 100
    assert budget.held == 0


def test_one_that_needs_more_than_all_goes_alone():
    budget, together = Budget(100), []

    def work(size: int) -> None:
        with budget.hold(size):
            together.append((size, budget.held))
            time.sleep(0.005)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, [250, 40, 40, 250, 40]))
    assert {held for size, held in together if size == 250} == {250}


def test_holds_inside_holds_count_once_and_never_lock_up():
    budget = Budget(100)
    with budget.hold(60):
        with budget.hold(50):
            assert budget.held == 60
        with budget.hold(90):
            assert budget.held == 90
        assert budget.held == 60

    def work(_: int) -> None:
        with budget.hold(40):
            time.sleep(0.001)
            with budget.hold(90):  # everybody holds 40 and wants 50 more
                time.sleep(0.001)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, k) for k in range(40)]:
            done.result(timeout=30)
    assert budget.held == 0


def test_an_error_gives_back_what_was_held(picture, encoded):
    data = encoded(picture(), "PNG")
    with pytest.raises(BadImage), room_for(data, "x"):
        decode(data[:-40], "x")
    with pytest.raises(BadImage):
        read_square(data[:-40], 16)
    assert BUDGET.held == 0


def test_decoding_waits_for_the_budget(picture, encoded):
    """While somebody else holds it all, a picture waits; smaller ones then go by turns."""
    data = encoded(picture(), "PNG")
    entered, leave = threading.Event(), threading.Event()

    def hold_all() -> None:
        with BUDGET.hold(BUDGET.total):
            entered.set()
            leave.wait(30)

    with ThreadPoolExecutor(2) as pool:
        holder = pool.submit(hold_all)
        entered.wait(30)
        waiting = pool.submit(decode, data, "x")
        time.sleep(0.1)
        assert not waiting.done()
        leave.set()
        assert waiting.result(30).shape == (45, 60, 3)
        holder.result(30)


_MEASURED = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from PIL import Image
from cutis.image.decode import decode, read_bytes, read_square
import simplejpeg, cv2
def kilobytes(what):
    return int(next(line for line in open("/proc/self/status") if line.startswith(what)).split()[1])
decode(read_bytes(sys.argv[2]), "x")
before = kilobytes("VmRSS")
with ThreadPoolExecutor(8) as pool:
    list(pool.map(lambda _: read_square(sys.argv[1], 32).shape, range(8)))
print((kilobytes("VmHWM") - before) / 1024)
"""


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc")
def test_eight_threads_stay_within_the_budget(tmp_path: Path):
    """Eight threads, each with a transparent PNG of 90 megapixels: 720 MB each, 2 GB together."""
    large, small = tmp_path / "large.png", tmp_path / "small.png"
    Image.new("RGBA", (10_000, 9_000), (200, 120, 80, 200)).save(large, compress_level=1)
    Image.new("RGBA", (100, 90), (200, 120, 80, 200)).save(small)
    command = [sys.executable, "-c", _MEASURED, str(large), str(small)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=280)
    assert float(said.stdout) < 1.15 * BUDGET.total / 2**20
