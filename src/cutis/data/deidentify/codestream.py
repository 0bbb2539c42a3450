"""The compressed frames of a DICOM file hold comments and application data of their own, and gaps that hold anything.

Source: PS3.5, annexes A.4 (encapsulation) and G (RLE); ITU-T T.81 B.2.4.6, T.87 annex C, T.800 annex A (COM, SOT).
"""

from __future__ import annotations

import re
from itertools import pairwise

from cutis.data.deidentify.colour_profile import bare_profile
from cutis.data.deidentify.jpeg_parts import take_apart
from cutis.data.dicom.stored import run_end
from cutis.image import jpeg

_J2K = b"\xff\x4f\xff\x51"
_COM, _SOT, _SOD, _EOC = 0x64, 0x90, 0x93, b"\xff\xd9"
_LS = 0xF7  # JPEG-LS' frame header
# A marker in JPEG-LS: after FF its coded data has a byte below 80 (T.87, A.1).
_LS_MARKER = re.compile(rb"\xff([\x80-\xfe])")


def bare_frame(frame: bytes, plane: int = 0) -> bytes:
    """The frame without comments and application data, in its headers and between its parts, and nothing behind it.

    plane: rows times columns, by which the segments of an RLE frame end. JFIF and Adobe segments, which say what the
    colours are, are written anew. Raises BadImage or `jpeg.NotJpeg` for a frame that is cut off. A frame of another
    coding comes back as it is.
    """
    if frame.startswith(_J2K):
        return _bare_jpeg_2000(frame)
    if frame.startswith(jpeg.SOI):
        if any(marker == _LS for marker, _, _ in jpeg.header_segments(frame)):
            return _bare_jpeg_ls(frame)
        parts = take_apart(frame, "frame")
        return parts.together((bare_profile(parts.icc) or b"") if parts.icc else b"")
    if plane and 1 <= int.from_bytes(frame[:4], "little") <= 15:
        return _bare_rle(frame, plane)
    return frame


def _bare_jpeg_ls(frame: bytes) -> bytes:
    kept, at = [jpeg.SOI], 2
    while (found := _LS_MARKER.search(frame, at)) is not None:
        kept.append(frame[at : found.start()])  # coded data before it
        marker, start = found[1][0], found.start()
        if marker == 0xD9:
            return b"".join([*kept, jpeg.EOI])
        at = found.end() + int.from_bytes(frame[found.end() : found.end() + 2])
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            kept.append(frame[start:at])
    raise jpeg.NotJpeg("truncated: the file ends before its image does")


def _bare_jpeg_2000(frame: bytes) -> bytes:
    """Main header and tile-parts (T.800 A.4.2): each says how long it is, so its header may lose its comments."""
    head, at = _without_comments(frame, 2, _SOT)
    kept = [frame[:2], head]
    while frame[at : at + 2] == bytes([0xFF, _SOT]):
        start, said = at, int.from_bytes(frame[at + 6 : at + 10])
        end = start + said if said else frame.rfind(_EOC)
        if not start + 12 <= end <= len(frame):
            raise jpeg.NotJpeg("truncated: a tile ends beyond the frame")
        more, coded = _without_comments(frame, start + 12, _SOD)
        part = more + frame[coded:end]
        length = 12 + len(part) if said else 0
        kept.append(frame[start : start + 6] + length.to_bytes(4) + frame[start + 10 : start + 12] + part)
        at = end
    return b"".join([*kept, _EOC])


def _without_comments(frame: bytes, at: int, last: int) -> tuple[bytes, int]:
    """(a header's marker segments but for comments, where the marker `last` behind them stands)."""
    kept = []
    while frame[at : at + 2] != bytes([0xFF, last]):
        end = at + 2 + int.from_bytes(frame[at + 2 : at + 4])
        if at + 4 > len(frame) or frame[at] != 0xFF or end > len(frame):
            raise jpeg.NotJpeg("truncated: a frame ends in its header")
        if frame[at + 1] != _COM:
            kept.append(frame[at:end])
        at = end
    return b"".join(kept), at


def _bare_rle(frame: bytes, plane: int) -> bytes:
    """Header and segments, each up to the run that fills its plane."""
    count = int.from_bytes(frame[:4], "little")
    starts = [int.from_bytes(frame[4 * n : 4 * n + 4], "little") for n in range(1, count + 1)]
    segments = [frame[a : run_end(frame, a, b, plane)[0]] for a, b in pairwise([*starts, len(frame)])]
    segments = [segment + bytes(len(segment) % 2) for segment in segments]
    places = [64 + sum(map(len, segments[:n])) for n in range(count)]
    header = b"".join(n.to_bytes(4, "little") for n in [count, *places]).ljust(64, b"\0")
    return header + b"".join(segments)
