"""An ICC profile without what it says about people, devices and days.

Only the profiles that cameras and screens use are kept, matrix and curves for RGB (ICC.1:2022, 8.3.3 and 8.4.3): their
numbers are copied into a new profile, and every text, date, serial number and private tag stays behind. Any other
profile (lookup tables, CMYK) gives None: the pixels have to be converted.
"""

from __future__ import annotations

import struct

_XYZ = (b"rXYZ", b"gXYZ", b"bXYZ", b"wtpt")
_CURVES = (b"rTRC", b"gTRC", b"bTRC")
# Parametric curve type -> how many numbers it has (ICC.1:2022, 10.18).
_PARAMETERS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}
_MOST = 4096  # entries of a curve


def bare_profile(profile: bytes) -> bytes | None:
    """The colours of `profile` as a new profile, or None if they are not a matrix and three curves."""
    try:
        return _rebuilt(profile)
    except (struct.error, KeyError, ValueError, IndexError):
        return None


def _rebuilt(profile: bytes) -> bytes | None:
    if profile[12:24] not in (b"mntrRGB XYZ ", b"scnrRGB XYZ ") or profile[36:40] != b"acsp":
        return None
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = {}
    for n in range(min(count, 100)):
        name, start, size = struct.unpack_from(">4sII", profile, 132 + 12 * n)
        tags[name] = profile[start : start + size]
    if any(name.startswith((b"A2B", b"B2A", b"D2B", b"B2D")) for name in tags):
        return None
    kept = {name: _xyz(tags[name]) for name in _XYZ} | {name: _curve(tags[name]) for name in _CURVES}
    if b"chad" in tags:
        kept[b"chad"] = b"sf32" + bytes(4) + struct.pack(">9i", *struct.unpack_from(">9i", tags[b"chad"], 8))
    four = profile[8] >= 4
    kept[b"desc"] = _words(four, b"desc")
    kept[b"cprt"] = _words(four, b"text")
    return _assembled(profile, kept)


def _xyz(tag: bytes) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *struct.unpack_from(">3i", tag, 8))


def _curve(tag: bytes) -> bytes:
    kind = tag[:4]
    if kind == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count > _MOST:
            raise ValueError
        return b"curv" + bytes(4) + struct.pack(f">I{count}H", count, *struct.unpack_from(f">{count}H", tag, 12))
    if kind == b"para":
        (function,) = struct.unpack_from(">H", tag, 8)
        numbers = struct.unpack_from(f">{_PARAMETERS[function]}i", tag, 12)
        return b"para" + bytes(4) + struct.pack(f">HH{len(numbers)}i", function, 0, *numbers)
    raise ValueError


def _words(four: bool, kind: bytes) -> bytes:
    """The description and copyright that a profile must have: "RGB"."""
    if four:
        text = "RGB".encode("utf-16-be")
        return b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(text), 28) + text
    if kind == b"desc":
        return b"desc" + bytes(4) + struct.pack(">I", 4) + b"RGB\0" + bytes(8) + bytes(3 + 67)
    return b"text" + bytes(4) + b"RGB\0"


def _assembled(profile: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Header (no maker, no date, no id), tag table and tags, each on a multiple of four bytes."""
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        at += -at % 4
        body += bytes(-len(body) % 4)
        table += struct.pack(">4sII", name, 128 + 4 + 12 * len(tags) + len(body), len(value))
        body += value
    header = (
        struct.pack(">I4s", 128 + len(table) + len(body), bytes(4))
        + bytes([profile[8], profile[9], 0, 0])
        + profile[12:24]
        + struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
        + b"acsp"
        + bytes(24)
        + profile[64:68]  # rendering intent
        + struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)  # D50, as every profile must say
        + bytes(48)
    )
    return header + table + body
