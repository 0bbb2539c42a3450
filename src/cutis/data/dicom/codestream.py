"""What a compressed frame says of itself: size, components, depth, colours. It decides where the header differs.

Sources: ITU-T T.81 annex B (JPEG), T.87 annex C (JPEG-LS), T.800 annex A (JPEG 2000: SIZ, COD), T.814 (HTJ2K: as
JPEG 2000); JFIF 1.02; T.872 6.5.3 (Adobe's colour transform).
"""

from __future__ import annotations

from dataclasses import dataclass

from cutis.image import jpeg

_J2K, _SIZ, _COD, _SOT = b"\xff\x4f\xff\x51", 0x51, 0x52, 0x90
_JP2 = b"\0\0\0\x0cjP  \r\n\x87\n"
_LOSSLESS, _LS = 0xC3, 0xF7
LOSSY = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive: what every JPEG decoder reads at 8 bits


@dataclass(frozen=True)
class Coded:
    """kind: "JPEG", "JPEG lossless", "JPEG-LS" or "JPEG 2000". bits: per sample.

    colours: "rgb" or "ybr" as the frame itself states them, "" where it doesn't. For JPEG 2000 they are as they come
    from the decoder, which undoes the transform that COD names.
    """

    kind: str
    width: int
    height: int
    components: int
    bits: int
    colours: str = ""


def coded(frame: bytes) -> Coded | None:
    """The facts of a frame; None for one of another coding (RLE). Raises `jpeg.NotJpeg` for a header cut off."""
    if frame.startswith(_JP2):
        at = frame.find(_J2K)
        return _jpeg_2000(frame[at:]) if at >= 0 else None
    if frame.startswith(_J2K):
        return _jpeg_2000(frame)
    if frame.startswith(jpeg.SOI):
        return _jpeg(frame)
    return None


def _jpeg(frame: bytes) -> Coded:
    jfif = adobe = None
    found: tuple[int, bytes] | None = None
    scans = 0
    for marker, start, end in jpeg.header_segments(frame):
        body = frame[start + 4 : end]
        if marker == 0xE0 and body.startswith(b"JFIF\0"):
            jfif = True
        elif marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
            adobe = body[11]
        elif marker in (*LOSSY, _LOSSLESS, _LS) and found is None:
            found = marker, body
        scans = end
    if found is None:
        raise jpeg.NotJpeg("damaged, or of a kind of JPEG that is not read: it has no frame header")
    marker, body = found
    if jpeg.EOI not in frame[scans:]:  # decoders of JPEG-LS may run on for ever without it
        raise jpeg.NotJpeg("truncated: the file ends before its image does")
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:
        raise jpeg.NotJpeg("damaged: its frame header is too short")
    parts = [body[6 + 3 * n : 9 + 3 * n] for n in range(body[5])]
    colours = ""
    if len(parts) == 3 and marker != _LS:
        if jfif:
            colours = "ybr"
        elif adobe is not None:
            colours = "ybr" if adobe else "rgb"
        elif bytes(p[0] for p in parts).upper() == b"RGB":
            colours = "rgb"
        elif len({p[1] for p in parts}) > 1:  # only chroma is stored at half its size
            colours = "ybr"
    kind = {_LOSSLESS: "JPEG lossless", _LS: "JPEG-LS"}.get(marker, "JPEG")
    return Coded(kind, int.from_bytes(body[3:5]), int.from_bytes(body[1:3]), body[5], body[0], colours)


def _jpeg_2000(frame: bytes) -> Coded:
    size: tuple[int, int, int, int] | None = None
    transformed: bool | None = None
    at = 2
    while at + 4 <= len(frame) and frame[at] == 0xFF and frame[at + 1] != _SOT:
        marker, end = frame[at + 1], at + 2 + int.from_bytes(frame[at + 2 : at + 4])
        body = frame[at + 4 : end]
        if marker == _SIZ and len(body) >= 36:
            right, bottom, left, top = (int.from_bytes(body[n : n + 4]) for n in (2, 6, 10, 14))
            depths = {body[n] for n in range(36, len(body) - 2, 3)}
            if len(depths) != 1:
                raise jpeg.NotJpeg("its components are of several depths")
            size = right - left, bottom - top, int.from_bytes(body[34:36]), (depths.pop() & 0x7F) + 1
        elif marker == _COD and len(body) >= 5:
            transformed = body[4] == 1  # SGcod: multiple component transformation
        at = end
    if size is None or transformed is None:
        raise jpeg.NotJpeg("damaged: a JPEG 2000 without its headers")
    return Coded("JPEG 2000", *size, colours="rgb" if transformed and size[2] == 3 else "")
