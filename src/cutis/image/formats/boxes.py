"""Boxes, the containers of JPEG 2000 and AVIF files, and what an AVIF's say of its colours.

Source: ISO/IEC 15444-1, I.4 (boxes); ISO/IEC 14496-12 (ItemPropertyContainerBox, ColourInformationBox).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from cutis.image.colour_profile import coded_colours
from cutis.image.source import Unsupported

_MOST_BOXES = 10_000


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
