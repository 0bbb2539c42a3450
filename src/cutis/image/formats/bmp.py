"""The colours that a BMP's header states. Source: Microsoft, BITMAPV4HEADER and BITMAPV5HEADER."""

from __future__ import annotations

import struct

from cutis.image.colour_profile import SRGB
from cutis.image.source import Unsupported

_KNOWN = (b"BGRs", b" niW")  # "sRGB" and "Win ", little-endian


def read_bmp(data: bytes) -> bytes:
    """An ICC profile, b"" for sRGB or where nothing is said. Raises Unsupported."""
    size = int.from_bytes(data[14:18], "little")
    if size < 108 or len(data) < 14 + size:
        return b""
    kind = data[70:74]
    if kind == b"DEBM" and size >= 124:
        start, length = struct.unpack_from("<II", data, 14 + 112)
        return data[14 + start : 14 + start + length]
    if kind == bytes(4):
        return _calibrated(data)
    if kind not in _KNOWN:
        raise Unsupported("a BMP whose colour profile lies in another file; save it again as sRGB")
    return b""


def _calibrated(data: bytes) -> bytes:
    """Endpoints (2.30) and gamma (16.16), which most programs leave 0: then nothing is said."""
    ends, gamma = struct.unpack_from("<9I", data, 74), struct.unpack_from("<3I", data, 110)
    if not any(ends):
        return b""
    sums = [sum(ends[k : k + 3]) for k in (0, 3, 6)]
    points = [(ends[3 * k] / (s or 1), ends[3 * k + 1] / (s or 1)) for k, s in enumerate(sums)]
    near = all(abs(a - b) < 0.01 for p, q in zip(points, SRGB, strict=True) for a, b in zip(p, q, strict=True))
    if not near or any(g and abs(g / 65536 - 2.2) > 0.1 for g in gamma):
        raise Unsupported("a BMP of colours that its header calibrates, which are not sRGB's; save it again as sRGB")
    return b""
