"""A PNG taken apart: what its pixels need, and the rest by kind. Compressed text is never inflated.

Source: PNG (third edition), 5 (chunks), 7.2 and 8 (scanlines, interlacing), 10 (compression), 11.3 (colours).
"""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass

from cutis.data.deidentify.held import in_png_chunk
from cutis.image.colour_profile import MOST_BYTES
from cutis.image.decode import MAX_PIXELS, BadImage
from cutis.image.source import inflated

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Numbers that say what the colours are: chunk -> its only valid length.
_COLOURS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4}
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # colour type -> samples a pixel
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_MOST_EXIF = 2**20


@dataclass(frozen=True)
class PngParts:
    """`readable`: the file as it decodes, without text; `icc`: its profile ("" if there is none)."""

    readable: bytes
    icc: bytes
    removed: Counter[str]
    _before: bytes  # IHDR and colours
    _palette: bytes
    _image: bytes

    def together(self, profile: bytes = b"") -> bytes:
        """The bare file, with `profile` as its colour profile."""
        iccp = chunk(b"iCCP", b"RGB\0\0" + zlib.compress(profile, 9)) if profile else b""
        return SIGNATURE + self._before + iccp + self._palette + self._image + chunk(b"IEND", b"")


def chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)


def take_apart(data: bytes, name: str) -> PngParts:
    """Raises BadImage for a PNG that is cut off, has no header first, a profile that can't be inflated, or too few or
    too many pixels."""
    removed: Counter[str] = Counter()
    header = b""
    colours: list[bytes] = []
    kept: dict[bytes, bytes] = {}
    image: list[bytes] = []
    icc = exif = b""
    at, kind = 8, b""
    while kind != b"IEND":
        size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        start, end = at + 8, at + 12 + size
        if end > len(data):
            raise BadImage(name, "truncated: the file ends before its image does")
        body = data[start : start + size]
        if not header:
            if kind != b"IHDR" or size != 13:
                raise BadImage(name, "damaged: it does not begin with its header")
            header = data[at:end]
        elif kind == b"IDAT":
            image.append(body)
        elif kind in (b"PLTE", b"tRNS") and size <= 768:
            kept.setdefault(kind, data[at:end])
        elif _COLOURS.get(kind) == size:
            colours.append(data[at:end])
        elif kind != b"IEND":
            removed += in_png_chunk(kind, body[:_MOST_EXIF])
            if kind == b"iCCP" and not icc:  # of two, the first counts, as for the decoder
                icc = inflated(body.partition(b"\0")[2][1:], MOST_BYTES, f"{name}: colour profile")
            elif kind == b"eXIf" and size <= _MOST_EXIF and not exif:
                exif = data[at:end]
        at = end
    removed["trailing bytes"] += at < len(data)
    before, palette = header + b"".join(colours), kept.get(b"PLTE", b"") + kept.get(b"tRNS", b"")
    joined = b"".join(image)
    exact = _exact(joined, _raw_size(header[8:21], name), name)
    removed["trailing bytes"] += exact != joined
    bare = chunk(b"IDAT", exact)
    profile = chunk(b"iCCP", b"RGB\0\0" + zlib.compress(icc, 1)) if icc else b""
    readable = SIGNATURE + before + profile + palette + exif + bare + chunk(b"IEND", b"")
    return PngParts(readable, icc, +removed, before, palette, bare)


def _raw_size(ihdr: bytes, name: str) -> int:
    """Bytes that the scanlines take, each with its filter byte."""
    width, height, bits, colour, interlaced = (
        int.from_bytes(ihdr[:4]), int.from_bytes(ihdr[4:8]), ihdr[8], ihdr[9], ihdr[12],
    )  # fmt: skip
    if colour not in _SAMPLES or not 1 <= bits <= 16 or not width or not height:
        raise BadImage(name, "damaged: its header says what no PNG can be")
    if width * height > MAX_PIXELS:
        raise BadImage(name, f"{width} x {height} pixels; at most {MAX_PIXELS / 1e6:.0f} million are read")
    each = bits * _SAMPLES[colour]
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    sizes = ((-(-(width - x) // across), -(-(height - y) // down)) for x, y, across, down in passes)
    return sum(h * (1 + -(-w * each // 8)) for w, h in sizes if w > 0 and h > 0)


def _exact(coded: bytes, size: int, name: str) -> bytes:
    """`coded` if it inflates to `size` bytes and no more; else what is in it, without what lies behind the pixels."""
    inflate = zlib.decompressobj()
    try:
        raw = inflate.decompress(coded, size + 1)
    except zlib.error:
        raise BadImage(name, "truncated or damaged: its pixels can't be inflated") from None
    if len(raw) < size:
        raise BadImage(name, "truncated: the file ends before its image does")
    if len(raw) == size and inflate.eof and not inflate.unused_data:
        return coded
    return zlib.compress(raw[:size])
