"""Every sample format comes out right or is refused in one line; none is silently wrong."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from costly import png, png_chunk
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cutis.image.decode import BadImage, decode, probe
from cutis.image.formats.exif import read_exif
from cutis.image.jpeg import SOI

LEFT, RIGHT = np.array((200, 120, 80)), np.array((60, 90, 150))
RGB = np.empty((16, 24, 3), np.uint8)
RGB[:, :12], RGB[:, 12:] = LEFT, RIGHT
GREY = np.empty((16, 24), np.uint8)
GREY[:, :12], GREY[:, 12:] = 64, 192
G16, RGB16 = GREY.astype(np.uint16) * 257, RGB.astype(np.uint16) * 257
CLEAR = np.full_like(GREY, 128)
CMYK = Image.fromarray(RGB).convert("CMYK")
HALF = tuple((side * 128 + 255 * 127) / 255 for side in (LEFT, RIGHT))


def tiff(
    samples: np.ndarray,
    photometric: int,
    *,
    bits: int | None = None,
    kind: int = 1,
    order: str = "<",
    planes: int = 1,
    raw: bytes | None = None,
    **more: tuple[int, ...],
) -> bytes:
    """An uncompressed TIFF, written by hand. kind: of SampleFormat. more: other tags by number, as _338=(2,)."""
    height, width = samples.shape[:2]
    each = samples.shape[2] if samples.ndim == 3 else 1
    shaped = np.moveaxis(samples, 2, 0) if planes == 2 and samples.ndim == 3 else samples
    body = raw if raw is not None else shaped.astype(samples.dtype.newbyteorder(order)).tobytes()
    parts = each if planes == 2 else 1
    depth = bits or samples.dtype.itemsize * 8
    tags: dict[int, tuple[int, ...]] = {
        256: (width,), 257: (height,), 258: (depth,) * each, 259: (1,), 262: (photometric,), 277: (each,),
        278: (height,), 279: (len(body) // parts,) * parts, 284: (planes,), 339: (kind,) * each,
    }  # fmt: skip
    tags |= {int(name[1:]): values for name, values in more.items()}
    shorts = set(tags) - {256, 257, 278, 279}
    tags[273] = (0,) * parts
    size = 8 + 2 + 12 * len(tags) + 4
    extra = b""
    at = size + sum(2 * len(v) * (1 if t in shorts else 2) for t, v in tags.items())
    tags[273] = tuple(at + k * (len(body) // parts) for k in range(parts))
    entries = b""
    for tag, values in sorted(tags.items()):
        packed = struct.pack(order + ("H" if tag in shorts else "I") * len(values), *values)
        head = struct.pack(order + "HHI", tag, 3 if tag in shorts else 4, len(values))
        if len(packed) > 4:
            entries += head + struct.pack(order + "I", size + len(extra))
            extra += packed
        else:
            entries += head + packed.ljust(4, b"\0")
    start = b"II*\0" if order == "<" else b"MM\0*"
    directory = struct.pack(order + "IH", 8, len(tags)) + entries + bytes(4) + extra
    return (start + directory).ljust(at, b"\0") + body


def png_of(samples: np.ndarray, bits: int, colour: int, *before: tuple[bytes, bytes]) -> bytes:
    kind = ">u2" if bits == 16 else "u1"
    raw = b"".join(b"\0" + row.astype(kind).tobytes() for row in samples)
    extra = b"".join(png_chunk(*chunk) for chunk in before)
    return png(samples.shape[1], samples.shape[0], bits, colour, extra, raw)


def pillow(image: Image.Image | np.ndarray, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(out, form, **options)
    return out.getvalue()


def first_of_two(form: str, **options: object) -> bytes:
    return pillow(RGB, form, save_all=True, append_images=[Image.new("RGB", (24, 16))], **options)


def twelve_bits() -> bytes:
    values = np.rint(GREY / 255 * 4095).astype(int)
    packed = b"".join(bytes((a >> 4, (a & 15) << 4 | b >> 8, b & 255)) for a, b in values.reshape(-1, 2))
    return tiff(np.zeros(GREY.shape, np.uint16), 1, bits=12, raw=packed)


def palette(scale: int) -> bytes:
    colours = np.zeros((3, 256), int)
    colours[:, 1], colours[:, 2] = LEFT * scale, RIGHT * scale
    return tiff(np.where(GREY == 64, 1, 2).astype(np.uint8), 3, _320=tuple(colours.ravel().tolist()))


def bmp_of_alpha(alpha: int) -> bytes:
    """A V4 BMP of 32 bits whose masks name an alpha channel."""
    pixels = np.dstack([RGB[::-1, :, ::-1], np.full(GREY.shape, alpha, np.uint8)]).tobytes()
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    head = struct.pack("<IiiHHIIiiII", 108, 24, 16, 1, 32, 3, len(pixels), 2835, 2835, 0, 0) + masks
    head = head.ljust(108, b"\0")
    return b"BM" + struct.pack("<IHHI", 122 + len(pixels), 0, 0, 122) + head + pixels


def tagged(data: bytes, tag: int, value: int) -> bytes:
    """A little-endian TIFF with another SHORT value of a tag."""
    at = data.index(struct.pack("<HHI", tag, 3, 1)) + 8
    return data[:at] + struct.pack("<H", value) + data[at + 2 :]


Wanted = tuple[object, object]
RIGHTLY: dict[str, tuple[Callable[[], bytes], Wanted]] = {
    "png, 16-bit grey": (lambda: png_of(G16, 16, 0), (64, 192)),
    "png, 16-bit rgb": (lambda: png_of(RGB16, 16, 2), (LEFT, RIGHT)),
    "png, 16-bit grey and alpha": (lambda: png_of(np.dstack([G16, CLEAR * np.uint16(257)]), 16, 4), (159, 223)),
    "png, 16-bit rgba": (lambda: png_of(np.dstack([RGB16, CLEAR * np.uint16(257)]), 16, 6), HALF),
    "png, half transparent": (lambda: png_of(np.dstack([RGB, CLEAR]), 8, 6), HALF),
    "png, one grey of 16 bits is clear": (lambda: png_of(G16, 16, 0, (b"tRNS", (64 * 257).to_bytes(2))), (255, 192)),
    "png, another grey of 16 bits is": (lambda: png_of(G16, 16, 0, (b"tRNS", (64 * 257 + 1).to_bytes(2))), (64, 192)),
    "png, one grey is clear": (lambda: png_of(GREY, 8, 0, (b"tRNS", b"\0\x40")), (255, 192)),
    "tiff, 16 bits": (lambda: tiff(G16, 1), (64, 192)),
    "tiff, 16 bits, big-endian": (lambda: tiff(G16, 1, order=">"), (64, 192)),
    "tiff, 16 bits, white is zero": (lambda: tiff(65535 - G16, 0), (64, 192)),
    "tiff, 8 bits, white is zero": (lambda: tiff(255 - GREY, 0), (64, 192)),
    "tiff, 12 bits": (twelve_bits, (64, 192)),
    "tiff, rgb": (lambda: tiff(RGB, 2), (LEFT, RIGHT)),
    "tiff, rgb of 16 bits": (lambda: tiff(RGB16, 2), (LEFT, RIGHT)),
    "tiff, planes": (lambda: tiff(RGB, 2, planes=2), (LEFT, RIGHT)),
    "tiff, alpha": (lambda: tiff(np.dstack([RGB, CLEAR]), 2, _338=(2,)), HALF),
    "tiff, 16-bit alpha": (lambda: tiff(np.dstack([RGB16, CLEAR * np.uint16(257)]), 2, _338=(2,)), HALF),
    "tiff, a sample more": (lambda: tiff(np.dstack([RGB, CLEAR]), 2, _338=(0,)), (LEFT, RIGHT)),
    "tiff, a fourth sample that says nothing": (lambda: tiff(np.dstack([RGB, 0 * GREY + 255]), 2), (LEFT, RIGHT)),
    "tiff, palette": (lambda: palette(257), (LEFT, RIGHT)),
    "tiff, palette of 8-bit numbers": (lambda: palette(1), (LEFT, RIGHT)),
    "tiff, cmyk": (lambda: tiff(np.dstack([255 - RGB, 0 * GREY]), 5), (LEFT, RIGHT)),
    "tiff, deflated": (lambda: pillow(RGB, "TIFF", compression="tiff_deflate"), (LEFT, RIGHT)),
    "jpeg, cmyk by Adobe's rule": (lambda: pillow(CMYK, "JPEG", quality=100, subsampling=0), (LEFT, RIGHT)),
    "jpeg, grey": (lambda: pillow(GREY, "JPEG", quality=100), (64, 192)),
    "webp": (lambda: pillow(RGB, "WEBP", lossless=True), (LEFT, RIGHT)),
    "webp, half transparent": (lambda: pillow(np.dstack([RGB, CLEAR]), "WEBP", lossless=True, exact=True), HALF),
    "jp2": (lambda: pillow(RGB, "JPEG2000"), (LEFT, RIGHT)),
    "jp2, 16 bits": (lambda: pillow(G16, "JPEG2000"), (64, 192)),
    "pgm, 16 bits": (lambda: b"P5 24 16 65535\n" + G16.astype(">u2").tobytes(), (64, 192)),
    "pgm, 10 bits": (lambda: b"P5 24 16 1023\n" + np.rint(GREY / 255 * 1023).astype(">u2").tobytes(), (64, 192)),
    "ppm, 16 bits": (lambda: b"P6 24 16 65535\n" + RGB16.astype(">u2").tobytes(), (LEFT, RIGHT)),
    "bmp": (lambda: pillow(RGB, "BMP"), (LEFT, RIGHT)),
    "bmp, alpha left 0": (lambda: bmp_of_alpha(0), (LEFT, RIGHT)),
    "bmp, half transparent": (lambda: bmp_of_alpha(128), HALF),
    "apng, first of two": (lambda: first_of_two("PNG"), (LEFT, RIGHT)),
    "webp, first of two": (lambda: first_of_two("WEBP", lossless=True), (LEFT, RIGHT)),
    "mpo, first of two": (lambda: first_of_two("MPO", quality=100, subsampling=0), (LEFT, RIGHT)),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHTLY)
def test_it_comes_out_right(name: str):
    make, (left, right) = RIGHTLY[name]
    got = decode(make(), "x").astype(float)
    assert got.shape == (16, 24, 3)
    assert np.abs(got[:, :11] - left).max() <= 3
    assert np.abs(got[:, 13:] - right).max() <= 3


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "tiff, 16-bit planes": (lambda: tiff(RGB16, 2, planes=2), "uncompressed planes of 16 bits"),
    "tiff, one plane of 16 bits": (lambda: tiff(G16[..., None], 1, planes=2), "uncompressed planes"),
    "tiff, one plane, white is zero": (lambda: tiff(255 - GREY[..., None], 0, planes=2), "uncompressed planes"),
    "tiff, float": (lambda: tiff((GREY / 255).astype(np.float32), 1, kind=3), "signed or floating-point"),
    "tiff, signed 16 bits": (lambda: tiff((G16 // 2).astype(np.int16), 1, kind=2), "signed or floating-point"),
    "tiff, signed 8 bits": (lambda: tiff((GREY.astype(int) - 128).astype(np.int8), 1, kind=2), "signed or floating"),
    "tiff, 32 bits": (lambda: tiff(GREY.astype(np.uint32) * 16843009, 1), "are not supported"),
    "tiff, 32 bits, big-endian": (lambda: tiff(GREY.astype(np.uint32), 1, order=">"), "not a readable TIFF"),
    "tiff, 16 bits, white is zero, big-endian": (lambda: tiff(65535 - G16, 0, order=">"), "not a readable TIFF"),
    "tiff, bits in reversed order": (lambda: tiff(G16, 1, _266=(2,)), "in reversed order"),
    "tiff, Lab": (lambda: tiff(RGB, 8), "are not supported"),
    "tiff, YCbCr of fewer colours": (lambda: tiff(RGB, 6), "fewer colours than pixels"),
    "tiff, other inks": (lambda: tiff(np.dstack([RGB, GREY]), 5, _332=(2,)), "other inks"),
    "tiff, a thumbnail first": (lambda: tiff(RGB, 2, _254=(1,)), "a thumbnail"),
    "tiff, a fourth sample without a name": (lambda: tiff(np.dstack([RGB, CLEAR]), 2), "doesn't name"),
    "tiff, a transfer function": (lambda: tiff(GREY, 1, _301=tuple(range(0, 65536, 257))), "transfer function"),
    "jpeg, cmyk without Adobe's marker": (lambda: without_adobe(), "whether it is inverted"),
    "jpeg, 12 bits": (lambda: twelve_bit_jpeg(), "12 bits a sample"),
    "png, HDR": (lambda: png_of(RGB, 8, 2, (b"cICP", bytes((9, 18, 0, 1)))), "code points 9 and 18"),
    "heic": (lambda: b"\0\0\0\x18ftypheic" + bytes(40), "HEIC"),
}


def without_adobe() -> bytes:
    data = pillow(CMYK, "JPEG")
    at = data.index(b"\xff\xee")
    return data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4]) :]


def twelve_bit_jpeg() -> bytes:
    data = pillow(GREY, "JPEG")
    at = data.index(b"\xff\xc0") + 4
    return data[:at] + b"\x0c" + data[at + 1 :]


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(name: str):
    make, words = REFUSED[name]
    for read in (probe, decode):
        if (read is probe and "supported" in words) or "doesn't name" in words:
            continue  # the mode is known, but whether it matters only once it is decoded
        with pytest.raises(BadImage, match=words) as error:
            read(make(), "x")
        assert "\n" not in str(error.value)
    with pytest.raises(BadImage, match=words):
        decode(make(), "x")


def test_colours_that_a_tiff_states_by_numbers():
    assert decode(tagged(tiff(RGB, 2, _338=()), 262, 2), "x").shape == (16, 24, 3)
    for primaries, fine in (((0.64, 0.33, 0.3, 0.6, 0.15, 0.06), True), ((0.64, 0.33, 0.21, 0.71, 0.15, 0.06), False)):
        out = io.BytesIO()
        from PIL import TiffImagePlugin

        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[319] = tuple(TiffImagePlugin.IFDRational(round(v * 1000), 1000) for v in primaries)
        Image.fromarray(RGB).save(out, "TIFF", tiffinfo=tags)
        if fine:
            assert np.array_equal(decode(out.getvalue(), "x"), RGB)
        else:
            with pytest.raises(BadImage, match="primaries or white point"):
                decode(out.getvalue(), "x")


def exif_segment(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    body = b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")
    return b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body


def test_of_two_exif_blocks_the_first_counts(picture):
    plain = pillow(picture(40, 24), "JPEG", quality=95)
    for first, second, shape in ((6, 1, (40, 24, 3)), (1, 6, (24, 40, 3))):
        data = SOI + exif_segment(first) + exif_segment(second) + plain[2:]
        assert decode(data, "x").shape == shape
        assert probe(data, "x").orientation == first
        with Image.open(io.BytesIO(data)) as image:
            assert image.getexif()[0x0112] == first
    raw = [exif_segment(k)[10:] for k in (6, 1)]
    for order, shape in ((raw, (24, 16, 3)), (raw[::-1], (16, 24, 3))):
        data = png_of(RGB, 8, 2, *((b"eXIf", body) for body in order))
        assert decode(data, "x").shape == shape
        assert (probe(data, "x").height, probe(data, "x").width) == shape[:2]


def test_an_exif_block_behind_the_pixels_of_a_png_counts():
    data = png_of(RGB, 8, 2)
    late = data[:-12] + png_chunk(b"eXIf", exif_segment(6)[10:]) + data[-12:]
    assert decode(late, "x").shape == (24, 16, 3)
    assert (probe(late, "x").width, probe(late, "x").height) == (16, 24)


@settings(max_examples=80, deadline=None)
@given(
    orientation=st.integers(0, 12),
    make=st.text("abc", max_size=12),
    order=st.sampled_from(["<", ">"]),
    cut=st.integers(0, 400),
)
def test_exif_is_read_as_pillow_reads_it(orientation: int, make: str, order: str, cut: int):
    exif = Image.Exif()
    exif.endian = order
    exif[0x0112], exif[0x010F] = orientation, make
    exif.get_ifd(0x8769)[0x9003] = "2020:01:01 00:00:00"
    block = exif.tobytes()
    if cut < len(block):
        read_exif(block[:cut])  # says something or nothing, and never fails
    back = Image.Exif()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        back.load(block)
    value = back.get(0x0112, 1)
    assert read_exif(block).orientation == (value if 1 <= value <= 8 else 1)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_exif_of_noise_says_nothing_wrong(noise: bytes):
    for start in (b"", b"Exif\0\0II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"):
        assert 1 <= read_exif(start + noise).orientation <= 8


@pytest.mark.long
@pytest.mark.parametrize("name", RIGHTLY)
def test_a_flipped_byte_gives_pixels_or_one_line(name: str):
    data = RIGHTLY[name][0]()
    rng = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(300):
            mutated = bytearray(data)
            for at in rng.integers(0, len(data), rng.integers(1, 6)):
                mutated[at] = rng.integers(256)
            said = ""
            try:
                assert decode(bytes(mutated), "x").dtype == np.uint8
            except BadImage as error:
                said = str(error)
            assert "\n" not in said
