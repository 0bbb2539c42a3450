"""A JPEG taken apart: what its pixels need, and the rest by kind. The coded pixels are copied bit for bit.

Source: ITU-T T.81, annex B (markers); JFIF 1.02; T.872, 6.5.3 (Adobe's colour transform).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from cutis.data.deidentify.held import in_jpeg_segment
from cutis.image import jpeg
from cutis.image.decode import BadImage

# Frame headers, tables, restart interval, scan header, number of lines. C8 is reserved, CC arithmetic conditioning.
_NEEDED = {*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD} - {0xC8}
JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x02\x00\x00\x01\x00\x01\x00\x00"  # square pixels, no thumbnail
ADOBE = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00"  # and one byte: which colour transform


@dataclass(frozen=True)
class JpegParts:
    """`colours`: JFIF and Adobe segments, written anew; `coded`: tables and scans up to EOI; `icc`: the profile."""

    colours: bytes
    coded: bytes
    icc: bytes
    removed: Counter[str]

    def together(self, profile: bytes = b"") -> bytes:
        """The file again, with `profile` as its colour profile."""
        return jpeg.SOI + self.colours + jpeg.profile_segments(profile) + self.coded


def take_apart(data: bytes, name: str) -> JpegParts:
    """Raises BadImage for a JPEG without a whole header or without an end."""
    removed: Counter[str] = Counter()
    kept: list[bytes] = []
    jfif = adobe = b""
    try:
        scans = 0
        for marker, start, scans in jpeg.header_segments(data):
            body = data[start + 4 : scans]
            if marker in _NEEDED:
                kept.append(data[start:scans])
            elif marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
                adobe = ADOBE + body[11:12]
                removed["other segment"] += len(body) > 12
            elif marker == 0xE2 and body.startswith(jpeg.ICC):
                removed["colour profile"] = 1
            else:
                if marker == 0xE0 and body.startswith(b"JFIF\0"):
                    jfif = JFIF
                removed += in_jpeg_segment(marker, body)
        at = end = scans
        for marker, start, end in jpeg.scan_segments(data, scans):
            if marker not in _NEEDED and marker != 0xD9:
                kept.append(data[at:start])
                at = end
                removed += in_jpeg_segment(marker, data[start + 4 : end])
        kept.append(data[at:end])
        icc = jpeg.read_frame(data).icc
    except jpeg.NotJpeg as error:
        raise BadImage(name, str(error)) from None
    removed["trailing bytes"] += any(data[end:])  # zeros only pad
    return JpegParts(jfif + adobe, b"".join(kept), icc, +removed)
