"""What a JPEG 2000's boxes and codestream say: size, colours, transparency, and what decoding it would take.

Source: ISO/IEC 15444-1: A.4 to A.6 (SOT, SIZ, COD, COC), B.6 (precincts), B.9 (packets); annex I (boxes: colour
specification, channel definition).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from cutis.image.formats.boxes import boxes
from cutis.image.source import Unsupported

_SIGNATURE = b"\xff\x4f\xff\x51"  # SOC, then SIZ
_CMYK = 12
_ENUMERATED = {0, _CMYK, 15, 16, 17, 18}  # bilevel, CMYK, bilevel, sRGB, grey (sRGB's curve), sYCC
_MOST_TILES = 65_535
_MOST_PARTS = 100_000  # tile-parts
# Packets and precincts cost time and memory even where they hold nothing; encoders make some thousands.
_MOST_PACKETS = 20_000_000
_MOST_PRECINCTS = 2_000_000
_MOST_BLOCKS = 3_000_000  # code-blocks
_PER_BLOCK = 420  # bytes of memory that OpenJPEG was seen to take for each
_COD, _COC, _SOT, _SOD = 0xFF52, 0xFF53, 0xFF90, 0xFF93


@dataclass(frozen=True)
class Jp2:
    """profile: ICC, b"" if there is none. alpha_known: False where a last channel's meaning isn't said. coded: width
    and height of the codestream. memory: bytes that its code-blocks take beside the pixels."""

    profile: bytes
    alpha_known: bool
    coded: tuple[int, int]
    memory: int


@dataclass(frozen=True)
class _Size:
    width: int
    height: int
    components: int
    tiles: int
    tile: tuple[int, int]
    blocks: int = 0
    transformed: bool = False  # by the transform of RGB (A.6.1, Annex G)


def read_jp2(data: bytes) -> Jp2:
    """Raises Unsupported for colours that aren't read, or where box and codestream disagree."""
    if data.startswith(_SIGNATURE):
        size = _codestream(data, 0)
        if size.components >= 3 and not size.transformed:
            raise Unsupported("a bare codestream doesn't say which colours its components are; save it as JP2 or PNG")
        return Jp2(b"", size.components not in (2, 4), (size.width, size.height), size.blocks * _PER_BLOCK)
    profile, named, stated, ihdr, stream = b"", False, False, None, -1
    for kind, start, end in boxes(data, 0, len(data)):
        if kind == b"jp2c" and stream < 0:
            stream = start
        elif kind == b"jp2h" and ihdr is None:
            for inner, s, e in boxes(data, start, end):
                if inner == b"ihdr" and e - s >= 10:
                    ihdr = struct.unpack_from(">IIH", data, s)
                elif inner == b"cdef":
                    named = True
                elif inner == b"colr" and not stated:
                    stated = True
                    profile = _colour_box(data[s:e])
                    named |= data[s] == 1 and int.from_bytes(data[s + 3 : s + 7]) == _CMYK
    if ihdr is None or stream < 0 or not data.startswith(_SIGNATURE, stream):
        raise Unsupported("not a readable JPEG2000 file (it has no header, or no picture)")
    size = _codestream(data, stream)
    height, width, components = ihdr
    if (width, height) != (size.width, size.height):
        raise Unsupported(f"its header says {width} x {height} pixels, what is coded {size.width} x {size.height}")
    known = named or components not in (2, 4)
    return Jp2(profile, known, (size.width, size.height), size.blocks * _PER_BLOCK)


def _colour_box(body: bytes) -> bytes:
    method = body[0] if len(body) >= 7 else 0
    if method == 1 and int.from_bytes(body[3:7]) in _ENUMERATED:
        return b""
    if method in (2, 3):
        return body[3:]
    what = f"enumerated colours {int.from_bytes(body[3:7])}" if method == 1 else f"colour method {method}"
    raise Unsupported(f"a JPEG 2000 of {what}, which is not read; save it again as sRGB")


def _codestream(data: bytes, start: int) -> _Size:
    """The size that the codestream at `start` states, its limits checked."""
    at = start + 4
    if len(data) < at + 38:
        raise Unsupported("truncated: the file ends in its header")
    _, _, x1, y1, x0, y0, across, down, tx, ty, components = struct.unpack_from(">HHIIIIIIIIH", data, at)
    if not (across and down and x1 > x0 and y1 > y0 and tx <= x0 and ty <= y0):
        raise Unsupported("damaged: its header says what no JPEG 2000 can be")
    tiles = -(-(x1 - tx) // across) * -(-(y1 - ty) // down)
    if tiles > _MOST_TILES:
        raise Unsupported(f"a JPEG 2000 of {tiles} tiles; at most {_MOST_TILES} are allowed")
    size = _Size(x1 - x0, y1 - y0, components, tiles, (min(across, x1 - tx), min(down, y1 - ty)))
    layers, precincts, smallest, transformed = 1, 1, 12, False
    for marker, body in _codings(data, at + int.from_bytes(data[at : at + 2])):
        skip = 5 if marker == _COD else (1 if components < 257 else 2) + 1
        if len(body) > skip + 4:
            smallest = min(smallest, (body[skip + 1] & 15) + (body[skip + 2] & 15) + 4)
            stated = bool(body[0 if marker == _COD else skip - 1] & 1)
            precincts = max(precincts, _precincts(size.tile, body[skip:], stated))
        if marker == _COD and len(body) > 4:
            layers = max(layers, int.from_bytes(body[2:4]))
            transformed |= body[4] == 1
    in_all = precincts * tiles * components
    if in_all > _MOST_PRECINCTS or in_all * layers > _MOST_PACKETS:
        raise Unsupported(f"a JPEG 2000 of {in_all * layers:,} packets in {in_all:,} precincts; save it again as PNG")
    blocks = size.width * size.height * components >> smallest
    if blocks > _MOST_BLOCKS:
        raise Unsupported(f"a JPEG 2000 of {blocks:,} code-blocks; save it again as PNG")
    return replace(size, blocks=blocks, transformed=transformed)


def _codings(data: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """(marker, body) of each COD and COC segment, of the main header and of every tile-part's."""
    for _ in range(_MOST_PARTS):
        part, until = at, at
        while at + 4 <= len(data):
            marker, length = struct.unpack_from(">HH", data, at)
            if marker == _SOD or marker < 0xFF4F:
                break
            if marker == _SOT:
                part, until = at, at + struct.unpack_from(">I", data, at + 6)[0] if at + 10 <= len(data) else at
            elif marker in (_COD, _COC):
                yield marker, data[at + 4 : at + 2 + length]
            at += 2 + max(2, length)
        if until <= part:  # the last part goes to the end, or there is none
            return
        at = until
    raise Unsupported(f"a JPEG 2000 of more than {_MOST_PARTS:,} tile-parts; save it again as PNG")


def _precincts(tile: tuple[int, int], coding: bytes, stated: bool) -> int:
    """Precincts of a tile's component, of all resolutions. coding: from the number of decompositions on."""
    levels = coding[0]
    total = 0
    for r in range(min(levels, 32) + 1):
        sizes = coding[5 + r] if stated and len(coding) > 5 + r else 0xFF
        sides = (-(-side // 2 ** (levels - r)) for side in tile)
        total += -(-next(sides) // 2 ** (sizes & 15)) * -(-next(sides) // 2 ** (sizes >> 4))
    return total
