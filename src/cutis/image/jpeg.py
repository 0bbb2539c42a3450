"""The structure of a JPEG file: header segments, size, scans, orientation and colour profile, without decoding it.

Source: ITU-T T.81 (markers and segments), annex B; JFIF 1.02; EXIF 2.32 (orientation); ICC.1:2022 annex B (profiles);
T.872, 6.5.3 (Adobe's colour transform).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cutis.image.formats.exif import NOTHING, read_exif
from cutis.image.formats.exif import PREFIX as EXIF

SOI = b"\xff\xd8"
EOI = b"\xff\xd9"
_SOS, _DHT_LIKE = 0xDA, {0xC4, 0xC8, 0xCC}  # Cx markers that aren't frame headers
_SEQUENTIAL = {0xC0, 0xC1, 0xC9}  # whose first scan is the only one, if it holds all components
# A marker inside or after a scan: FF and anything but a stuffed zero, a restart marker or fill.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_FILL = re.compile(rb"\xff{2,}")
_PER_SEGMENT = 65519  # bytes of a colour profile
ICC = b"ICC_PROFILE\x00"
MOST_SEGMENTS = 20_000
MOST_SCANS = 100  # encoders write about ten; each goes over the whole picture, however little is in it


class NotJpeg(ValueError):
    """The bytes are not a whole JPEG header; the message says what is wrong."""


@dataclass(frozen=True)
class Frame:
    """A JPEG's header: stored size, components (1 grey, 3 colour, 4 CMYK), bits a sample, orientation 1..8, profile.

    scans: how often the picture is gone over; more than `MOST_SCANS` are not all counted. buffered: whether a decoder
    holds all coefficients, 2 bytes each, as it must for several scans. adobe: Adobe's colour transform, None where no
    segment of Adobe's says it. adobe_rgb: whether EXIF says the colours are Adobe RGB's.
    """

    width: int
    height: int
    components: int
    bits: int
    orientation: int
    icc: bytes
    scans: int = 1
    buffered: bool = False
    adobe: int | None = None
    adobe_rgb: bool = False


def header_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of each segment from SOI up to and including the first SOS; start is at its FF.

    Raises NotJpeg if the bytes end first or no marker stands where one must.
    """
    at = 2
    for _ in range(MOST_SEGMENTS):
        if filled := _FILL.match(data, at):  # fill bytes before a marker
            at = filled.end() - 1
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
    raise NotJpeg(f"more than {MOST_SEGMENTS:,} segments in its header")


def scan_segments(data: bytes, at: int = 0) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of each segment among the coded data from `at` on; EOI, two bytes long, is the last.

    Raises NotJpeg if the bytes end before EOI.
    """
    for _ in range(MOST_SEGMENTS):
        if not (found := _MARKER.search(data, at)):
            break
        if found.group() == EOI:
            yield 0xD9, found.start(), found.end()
            return
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2])
        yield data[found.start() + 1], found.start(), at
    else:
        raise NotJpeg(f"more than {MOST_SEGMENTS:,} segments among its scans")
    raise NotJpeg("truncated: the file ends before its image does")


def end_of_image(data: bytes, at: int) -> int:
    """The position after EOI of the image whose first SOS segment ends at `at`; raises NotJpeg if there is none."""
    return max(end for _, _, end in scan_segments(data, at))


def read_frame(data: bytes) -> Frame:
    """What the header says. Of several EXIF blocks the first counts, as EXIF allows one only. Raises NotJpeg."""
    size: tuple[int, int, int, int] | None = None
    exif = None
    adobe: int | None = None
    profile: dict[int, bytes] = {}
    kind = first_scan = 0
    at = len(data)
    for marker, start, end in header_segments(data):
        body = start + 4
        if 0xC0 <= marker <= 0xCF and marker not in _DHT_LIKE and size is None:
            if end - body < 6:
                raise NotJpeg("damaged: its frame header is too short")
            kind = marker
            size = (
                data[body],
                int.from_bytes(data[body + 1 : body + 3]),
                int.from_bytes(data[body + 3 : body + 5]),
                data[body + 5],
            )
        elif marker == 0xE1 and data.startswith(EXIF, body) and exif is None:
            exif = read_exif(data[body:end])
        elif marker == 0xE2 and data.startswith(ICC, body) and end - body > 14:
            profile[data[body + 12]] = data[body + 14 : end]
        elif marker == 0xEE and data.startswith(b"Adobe", body) and end - body >= 12:
            adobe = data[body + 11]
        elif marker == _SOS:
            first_scan, at = data[body], end
    if size is None:
        raise NotJpeg("damaged: it has no frame header")
    bits, height, width, components = size
    buffered = kind not in _SEQUENTIAL or first_scan < components
    said = exif or NOTHING
    return Frame(
        width,
        height,
        components,
        bits,
        said.orientation,
        b"".join(profile[k] for k in sorted(profile)),
        _count_scans(data, at) if buffered else 1,
        buffered,
        adobe,
        said.adobe_rgb,
    )


def profile_segments(profile: bytes) -> bytes:
    """The APP2 segments that hold a colour profile (ICC.1:2022, B.4)."""
    pieces = [profile[at : at + _PER_SEGMENT] for at in range(0, len(profile), _PER_SEGMENT)]
    return b"".join(
        b"\xff\xe2" + (len(piece) + 16).to_bytes(2) + ICC + bytes([n, len(pieces)]) + piece
        for n, piece in enumerate(pieces, 1)
    )


def with_profile(data: bytes, profile: bytes) -> bytes:
    """A JPEG with a colour profile more: behind JFIF's segment, which is the first, if there is one."""
    at = 2
    if data.startswith(b"\xff\xe0", at):
        at += 2 + int.from_bytes(data[4:6])
    return data[:at] + profile_segments(profile) + data[at:]


def _count_scans(data: bytes, at: int) -> int:
    """Scans of a JPEG whose first SOS segment ends at `at`; where there may be too many they are walked through."""
    most = 1 + data.count(b"\xff\xda", at)
    if most <= MOST_SCANS:
        return most
    scans = 1
    try:
        for marker, _, _ in scan_segments(data, at):
            scans += marker == _SOS
            if scans > MOST_SCANS:
                break
    except NotJpeg:
        pass  # the decoder says so
    return scans
