"""The structure of a JPEG file: its header segments, size, orientation and colour profile, without decoding it.

Source: ITU-T T.81 (markers and segments), annex B; JFIF 1.02; EXIF 2.32 (orientation); ICC.1:2022 annex B (profiles).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

SOI = b"\xff\xd8"
EOI = b"\xff\xd9"
_SOS, _DHT_LIKE = 0xDA, {0xC4, 0xC8, 0xCC}  # Cx markers that aren't frame headers
# A marker inside or after a scan: FF and anything but a stuffed zero, a restart marker or fill.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
ICC = b"ICC_PROFILE\x00"
EXIF = b"Exif\x00\x00"


class NotJpeg(ValueError):
    """The bytes are not a whole JPEG header; the message says what is wrong."""


@dataclass(frozen=True)
class Frame:
    """A JPEG's header: stored size, components (1 grey, 3 colour, 4 CMYK), bits a sample, orientation 1..8, profile."""

    width: int
    height: int
    components: int
    bits: int
    orientation: int
    icc: bytes


def header_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of each segment from SOI up to and including the first SOS; start is at its FF.

    Raises NotJpeg if the bytes end first or no marker stands where one must.
    """
    at = 2
    while True:
        while data[at + 1 : at + 2] == b"\xff":  # fill bytes before a marker
            at += 1
        if at + 4 > len(data):
            raise NotJpeg("truncated: the file ends in its header")
        if data[at] != 0xFF:
            raise NotJpeg("damaged: no JPEG marker where one was expected")
        marker = data[at + 1]
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        if end > len(data):
            raise NotJpeg("truncated: the file ends in its header")
        yield marker, at, end
        if marker == _SOS:
            return
        at = end


def scan_segments(data: bytes, at: int = 0) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of each segment among the coded data from `at` on; EOI, two bytes long, is the last.

    Raises NotJpeg if the bytes end before EOI.
    """
    while found := _MARKER.search(data, at):
        if found.group() == EOI:
            yield 0xD9, found.start(), found.end()
            return
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2])
        yield data[found.start() + 1], found.start(), at
    raise NotJpeg("truncated: the file ends before its image does")


def end_of_image(data: bytes, at: int) -> int:
    """The position after EOI of the image whose first SOS segment ends at `at`; raises NotJpeg if there is none."""
    return max(end for _, _, end in scan_segments(data, at))


def read_frame(data: bytes) -> Frame:
    """Size, components, orientation and profile from the header. Raises NotJpeg."""
    size: tuple[int, int, int, int] | None = None
    orientation = 1
    profile: dict[int, bytes] = {}
    for marker, start, end in header_segments(data):
        body = start + 4
        if 0xC0 <= marker <= 0xCF and marker not in _DHT_LIKE and size is None:
            if end - body < 6:
                raise NotJpeg("damaged: its frame header is too short")
            size = (
                data[body],
                int.from_bytes(data[body + 1 : body + 3]),
                int.from_bytes(data[body + 3 : body + 5]),
                data[body + 5],
            )
        elif marker == 0xE1 and data.startswith(EXIF, body):
            orientation = exif_orientation(data[body:end])
        elif marker == 0xE2 and data.startswith(ICC, body) and end - body > 14:
            profile[data[body + 12]] = data[body + 14 : end]
    if size is None:
        raise NotJpeg("damaged: it has no frame header")
    bits, height, width, components = size
    return Frame(width, height, components, bits, orientation, b"".join(profile[k] for k in sorted(profile)))


def exif_orientation(exif: bytes) -> int:
    """The orientation, 1..8, in an EXIF block (with or without its "Exif" prefix); 1 where it says nothing."""
    if not exif:
        return 1
    from PIL import Image

    tags = Image.Exif()
    try:
        tags.load(exif)
        value = tags.get(0x0112, 1)
    except Exception:  # a malformed EXIF block says nothing; Pillow raises many kinds of error on them
        return 1
    return value if value in range(1, 9) else 1
