"""What a WebP's chunks say, without its decoder: that one makes room for the whole canvas when it opens a file.

Source: WebP container specification (RFC 9649), 2.5 to 2.7; VP8 (RFC 6386), 9.1.
"""

from __future__ import annotations

from dataclasses import dataclass

from cutis.image.formats.exif import NOTHING, Exif, read_exif
from cutis.image.source import Unsupported

_MOST_CHUNKS = 1_000_000


@dataclass(frozen=True)
class WebP:
    """profile: ICC, b"" if there is none. lossless: whether its first frame is. has_alpha: as its header says."""

    width: int
    height: int
    has_alpha: bool
    lossless: bool
    profile: bytes
    exif: Exif
    frames: int


def read_webp(data: bytes) -> WebP:
    """Raises Unsupported for a file without a whole header."""
    size: tuple[int, int] | None = None
    alpha = lossless = False
    profile, exif, frames = b"", NOTHING, 0
    at, stop = 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    for n in range(_MOST_CHUNKS):
        if at + 8 > stop:
            break
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = at + 8
        if kind == b"VP8X" and n == 0 and length >= 10:
            alpha = bool(data[body] & 0x10)
            size = (_little(data, body + 4) + 1, _little(data, body + 7) + 1)
        elif kind in (b"VP8 ", b"VP8L"):
            lossless = kind == b"VP8L"
            found, clear = _frame(data, body, lossless)
            size, alpha = (size or found), alpha or clear
        elif kind == b"ANMF":
            if not frames:
                lossless = data[body + 16 : body + 20] == b"VP8L"
            frames += 1
        elif kind == b"ICCP" and not profile:
            profile = data[body : body + length]
        elif kind == b"EXIF" and exif is NOTHING:
            exif = read_exif(data[body : body + length])
        at = body + length + length % 2
    else:
        raise Unsupported(f"a WebP of more than {_MOST_CHUNKS} chunks; save it again")
    if size is None:
        raise Unsupported("not a readable WEBP file (no picture in it)")
    return WebP(*size, alpha, lossless, profile, exif, max(1, frames))


def _frame(data: bytes, body: int, lossless: bool) -> tuple[tuple[int, int], bool]:
    """(width, height) and whether there is transparency, of a VP8 or VP8L chunk."""
    if len(data) < body + 10:
        raise Unsupported("not a readable WEBP file (it ends in its header)")
    if lossless:
        bits = int.from_bytes(data[body + 1 : body + 5], "little")
        return ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1), bool(bits >> 28 & 1)
    sides = (int.from_bytes(data[body + k : body + k + 2], "little") & 0x3FFF for k in (6, 8))
    return (next(sides), next(sides)), False


def _little(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")
