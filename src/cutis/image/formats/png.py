"""What a PNG's chunks say of its colours, turning and frames.

Of two chunks of a kind that may stand only once, the first counts. Of several that state colours: cICP, else iCCP,
else sRGB, else gAMA and cHRM. Source: PNG (third edition), 5, 11.3, 12.1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from cutis.image import colour_profile
from cutis.image.formats.exif import NOTHING, Exif, read_exif
from cutis.image.source import Unsupported, inflated

_ONCE = {b"IHDR", b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"eXIf", b"acTL", b"tRNS"}
_MOST_CHUNKS = 200_000
_MOST_EXIF = 2**20
_SRGB_GAMMA = (43_000, 48_000)  # gAMA of 45455 and what writers make of it: within 5 %, as libpng compares
_SRGB_POINTS = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)


@dataclass(frozen=True)
class Png:
    """profile: ICC, b"" for sRGB. transparent: the grey of 16 bits that is clear, if one is. frames: APNG's."""

    profile: bytes
    exif: Exif
    frames: int
    transparent: int | None


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, body) of each chunk of `_ONCE`; ends where the file does. Raises Unsupported past `_MOST_CHUNKS`."""
    at = 8
    for _ in range(_MOST_CHUNKS):
        if at + 12 > len(data):
            return
        size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        if kind == b"IEND":
            return
        if kind in _ONCE:
            yield kind, data[at + 8 : at + 8 + size]
        at += 12 + size
    raise Unsupported(f"a PNG of more than {_MOST_CHUNKS} chunks; save it again")


def read_png(data: bytes, name: str) -> Png:
    """Raises Unsupported, or BadImage for a profile that is damaged or too large."""
    first: dict[bytes, bytes] = {}
    for kind, body in chunks(data):
        first.setdefault(kind, body)
    header = first.get(b"IHDR", b"")
    grey16 = header[8:10] == b"\x10\x00" and len(first.get(b"tRNS", b"")) == 2
    block = first.get(b"eXIf", b"")
    return Png(
        _profile(first, name),
        read_exif(block) if 0 < len(block) <= _MOST_EXIF else NOTHING,
        max(1, int.from_bytes(first.get(b"acTL", b"")[:4])),
        int.from_bytes(first[b"tRNS"]) if grey16 else None,
    )


def _profile(first: dict[bytes, bytes], name: str) -> bytes:
    if len(codes := first.get(b"cICP", b"")) == 4:
        return colour_profile.coded_colours(codes[0], codes[1])
    if b"iCCP" in first:
        coded = first[b"iCCP"].partition(b"\0")[2][1:]
        return inflated(coded, colour_profile.MOST_BYTES, f"{name}: colour profile")
    if b"sRGB" in first:
        return b""
    gamma = int.from_bytes(first[b"gAMA"]) if len(first.get(b"gAMA", b"")) == 4 else 0
    points = struct.unpack(">8I", first[b"cHRM"]) if len(first.get(b"cHRM", b"")) == 32 else _SRGB_POINTS
    usual = not gamma or _SRGB_GAMMA[0] <= gamma <= _SRGB_GAMMA[1]
    if usual and all(abs(a - b) <= 1000 for a, b in zip(points, _SRGB_POINTS, strict=True)):
        return b""
    if not 10_000 <= (gamma or 45455) <= 500_000:
        raise Unsupported(f"a gamma (gAMA) of {gamma / 1e5:g}, which no display has; save it again as sRGB")
    white, *primaries = ((x / 1e5, y / 1e5) for x, y in zip(points[::2], points[1::2], strict=True))
    return colour_profile.rgb_profile(primaries, white, None if usual else 1e5 / gamma)
