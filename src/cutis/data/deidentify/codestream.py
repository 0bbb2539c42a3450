"""The compressed frames of a DICOM file hold comments and application data of their own: JPEG, JPEG-LS, JPEG 2000.

Source: PS3.5, annex A.4 (encapsulation); ITU-T T.81 B.2.4.6, T.87 annex C, T.800 annex A (COM, FF64).
"""

from __future__ import annotations

from cutis.data.deidentify.jpeg_parts import ADOBE, JFIF
from cutis.image import jpeg

_J2K = b"\xff\x4f\xff\x51"
_EOI = b"\xff\xd9"


def bare_frame(frame: bytes) -> bytes:
    """The frame without comments and application data in its main header and without anything after its end.

    JFIF and Adobe segments, which say what the colours are, are written anew. Raises `jpeg.NotJpeg` for a frame
    whose header is cut off. Frames of other codings come back as they are.
    """
    if frame.startswith(_J2K):
        head, rest = _bare_jpeg_2000(frame)
    elif frame.startswith(jpeg.SOI):
        head, rest = _bare_jpeg(frame)
    else:
        return frame
    end = rest.rfind(_EOI)
    return head + (rest[: end + 2] if end >= 0 else rest)


def _bare_jpeg(frame: bytes) -> tuple[bytes, bytes]:
    kept, end = [jpeg.SOI], 0
    for marker, start, end in jpeg.header_segments(frame):
        body = frame[start + 4 : end]
        if marker == 0xE0 and body.startswith(b"JFIF\0"):
            kept.append(JFIF)
        elif marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
            kept.append(ADOBE + body[11:12])
        elif not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            kept.append(frame[start:end])
    return b"".join(kept), frame[end:]


def _bare_jpeg_2000(frame: bytes) -> tuple[bytes, bytes]:
    kept, at = [frame[:2]], 2
    while frame[at : at + 2] != b"\xff\x90":  # SOT: the first tile
        end = at + 2 + int.from_bytes(frame[at + 2 : at + 4])
        if at + 4 > len(frame) or frame[at] != 0xFF:
            raise jpeg.NotJpeg("truncated: a frame ends in its header")
        if frame[at + 1] != 0x64:
            kept.append(frame[at:end])
        at = end
    return b"".join(kept), frame[at:]
