"""What an EXIF block says of how pixels are to be shown: which way is up, and in which colours.

Source: EXIF 2.32 (4.6.2 and following: TIFF structure and tags; 4.6.4 A: orientation), DCF 2.0 (interoperability index
"R03": Adobe RGB without a profile).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

PREFIX = b"Exif\x00\x00"
_ORIENTATION, _EXIF_IFD, _COLOUR_SPACE, _INTEROP_IFD, _INTEROP_INDEX = 0x0112, 0x8769, 0xA001, 0xA005, 0x0001
_UNCALIBRATED = 0xFFFF
_INTEGER = {1: "B", 3: "H", 4: "I", 13: "I"}  # TIFF type -> its struct code
_MOST = 1000  # entries of a directory


@dataclass(frozen=True)
class Exif:
    """orientation: 1..8; 1 where it says nothing. adobe_rgb: whether the colours are Adobe RGB's by DCF's rule."""

    orientation: int = 1
    adobe_rgb: bool = False


NOTHING = Exif()


def read_exif(block: bytes) -> Exif:
    """What a block says, with or without its "Exif" prefix; a malformed one says nothing."""
    data = block.removeprefix(PREFIX)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        return NOTHING
    first = _directory(data, order, struct.unpack_from(order + "I", data, 4)[0] if len(data) >= 8 else 0)
    orientation = first.get(_ORIENTATION, 1)
    own = _directory(data, order, first.get(_EXIF_IFD, 0))
    adobe = False
    if own.get(_COLOUR_SPACE) == _UNCALIBRATED:
        adobe = _directory(data, order, own.get(_INTEROP_IFD, 0)).get(_INTEROP_INDEX) == int.from_bytes(b"R03\0")
    return Exif(orientation if 1 <= orientation <= 8 else 1, adobe)


def _directory(data: bytes, order: str, at: int) -> dict[int, int]:
    """Tag -> its value, of the entries whose value stands in the entry; four letters are one number, big-endian."""
    found: dict[int, int] = {}
    if not 8 <= at <= len(data) - 2:
        return found
    (count,) = struct.unpack_from(order + "H", data, at)
    for n in range(min(count, _MOST)):
        entry = data[at + 2 + 12 * n : at + 14 + 12 * n]
        if len(entry) < 12:
            break
        tag, kind, values = struct.unpack_from(order + "HHI", entry)
        if kind in _INTEGER and values == 1:
            found.setdefault(tag, struct.unpack_from(order + _INTEGER[kind], entry, 8)[0])
        elif kind in (2, 7) and values <= 4:
            found.setdefault(tag, int.from_bytes(entry[8:12]))
    return found
