"""What the boxes of JPEG 2000 and AVIF files say of size, colours and transparency.

Source: ISO/IEC 15444-1 (A.5.1: SIZ; annex I: boxes, colour specification, channel definition); ISO/IEC 14496-12
(ItemPropertyContainerBox, ColourInformationBox).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from cutis.image.colour_profile import coded_colours
from cutis.image.source import Unsupported

_MOST_BOXES = 10_000
_SIZ = b"\xff\x4f\xff\x51"
_ENUMERATED = {0, 12, 15, 16, 17, 18}  # bilevel, CMYK, bilevel, sRGB, grey (sRGB's curve), sYCC
_MOST_TILES = 65_535


@dataclass(frozen=True)
class Jp2:
    """profile: ICC, b"" if there is none. alpha_known: False where a last channel's meaning isn't said. coded: width,
    height, components and tiles of the codestream."""

    profile: bytes
    alpha_known: bool
    coded: tuple[int, int, int, int]


def boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start of its body, end) of each box in data[at:end]; one that doesn't fit ends them."""
    for _ in range(_MOST_BOXES):
        if at + 8 > end:
            return
        size, kind, head = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16]), 16
        size = size or end - at
        if size < head or at + size > end:
            return
        yield kind, at + head, at + size
        at += size


def read_jp2(data: bytes) -> Jp2:
    """Raises Unsupported for colours that aren't read, or where box and codestream disagree."""
    if data.startswith(_SIZ):
        coded = _codestream(data, 4)
        return Jp2(b"", coded[2] not in (2, 4), coded)
    profile, defined, colours, ihdr, stream = b"", False, 0, None, -1
    for kind, start, end in boxes(data, 0, len(data)):
        if kind == b"jp2c" and stream < 0:
            stream = start
        elif kind == b"jp2h" and ihdr is None:
            for inner, s, e in boxes(data, start, end):
                if inner == b"ihdr" and e - s >= 10:
                    ihdr = struct.unpack_from(">IIH", data, s)
                elif inner == b"cdef":
                    defined = True
                elif inner == b"colr" and not colours:
                    colours = 1
                    profile = _colour_box(data[s:e])
    if ihdr is None or stream < 0 or not data.startswith(_SIZ, stream):
        raise Unsupported("not a readable JPEG2000 file (it has no header, or no picture)")
    coded = _codestream(data, stream + 4)
    height, width, components = ihdr
    if (width, height) != coded[:2]:
        raise Unsupported(f"its header says {width} x {height} pixels, what is coded {coded[0]} x {coded[1]}")
    cmyk = data.find(b"colr\x01\x00\x00\x00\x00\x00\x0c", 0, stream) >= 0
    return Jp2(profile, defined or cmyk or components not in (2, 4), coded)


def _colour_box(body: bytes) -> bytes:
    method = body[0] if len(body) >= 7 else 0
    if method == 1 and int.from_bytes(body[3:7]) in _ENUMERATED:
        return b""
    if method in (2, 3):
        return body[3:]
    what = f"enumerated colours {int.from_bytes(body[3:7])}" if method == 1 else f"colour method {method}"
    raise Unsupported(f"a JPEG 2000 of {what}, which is not read; save it again as sRGB")


def _codestream(data: bytes, at: int) -> tuple[int, int, int, int]:
    """(width, height, components, tiles) of the SIZ segment, whose length stands at `at`."""
    if len(data) < at + 38:
        raise Unsupported("truncated: the file ends in its header")
    _, _, x1, y1, x0, y0, across, down, tx, ty, components = struct.unpack_from(">HHIIIIIIIIH", data, at)
    if not (across and down and x1 > x0 and y1 > y0 and tx <= x0 and ty <= y0):
        raise Unsupported("damaged: its header says what no JPEG 2000 can be")
    tiles = -(-(x1 - tx) // across) * -(-(y1 - ty) // down)
    if tiles > _MOST_TILES:
        raise Unsupported(f"a JPEG 2000 of {tiles} tiles; at most {_MOST_TILES} are allowed")
    return x1 - x0, y1 - y0, components, tiles


def read_avif(data: bytes) -> bytes:
    """A profile for the colours that an AVIF's code points state; b"" for sRGB, or where an ICC profile says it."""
    codes: list[tuple[int, int]] = []
    for kind, start, end in boxes(data, 0, len(data)):
        if kind != b"meta":
            continue
        for inner, s, e in boxes(data, start + 4, end):
            properties = boxes(data, s, e) if inner == b"iprp" else ()
            for name, ps, pe in properties:
                for item, at, stop in boxes(data, ps, pe) if name == b"ipco" else ():
                    if item == b"colr" and data[at : at + 4] == b"nclx" and stop - at >= 10:
                        codes.append(struct.unpack_from(">HH", data, at + 4))
    profiles = {coded_colours(*code) for code in codes}
    if len(profiles) > 1:
        raise Unsupported("an AVIF whose parts state different colours; save it again as sRGB")
    return profiles.pop() if profiles else b""
