"""An image file without what it says about people: EXIF, GPS, comments, thumbnails and trailing data removed.

The rule on import:
  * An upright JPEG keeps its coded pixels, bit for bit: only segments are removed. What stays is what pixels need:
    JFIF (without thumbnail), the colour profile and Adobe's colour transform. One without anything to remove is
    copied as it is.
  * A JPEG with an EXIF rotation is decoded, turned upright and coded again (quality 95, 4:4:4).
  * Everything else is decoded and written as an 8-bit RGB PNG.
Every image is decoded once here, so a damaged one is found on import, not in the middle of training.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from cutis.image import jpeg
from cutis.image.decode import BadImage, Header, decode, probe

QUALITY = 95


@dataclass(frozen=True)
class CleanImage:
    """The file to store (`data`, `extension`), its upright width and height, and the source's `header`."""

    data: bytes
    extension: str
    width: int
    height: int
    header: Header


def clean_image(data: bytes, name: str) -> CleanImage:
    """Strip metadata (see the module). Raises BadImage for a file that can't be read whole."""
    header = probe(data, name)
    if header.format == "JPEG" and header.orientation == 1:
        decode(data, name, least=1)  # at an eighth of its size, but every coded byte is read
        return CleanImage(strip_jpeg(data, name), ".jpg", header.width, header.height, header)
    pixels = decode(data, name)
    height, width = pixels.shape[:2]
    if header.format == "JPEG":
        import simplejpeg

        coded = simplejpeg.encode_jpeg(pixels, quality=QUALITY, colorspace="RGB", colorsubsampling="444")
        return CleanImage(coded, ".jpg", width, height, header)
    return CleanImage(_png(pixels), ".png", width, height, header)


def clean_mask(data: bytes, name: str) -> tuple[bytes, int, int]:
    """(PNG bytes, width, height) of a segmentation mask: 1-bit stays 1-bit, all else becomes 8-bit grey, values kept.

    Raises BadImage.
    """
    from PIL import Image

    probe(data, name)
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "TIFF", "BMP", "GIF", "JPEG", "WEBP")) as opened:
            mask = opened if opened.mode in ("1", "L") else opened.convert("L")
            mask.load()
            if mask is opened and _is_bare_png(data):
                return data, *mask.size
            bare = Image.fromarray(np.array(mask))
    except (OSError, ValueError, SyntaxError) as error:
        raise BadImage(name, f"mask truncated or damaged ({error})") from None
    out = io.BytesIO()
    bare.save(out, "PNG")
    return out.getvalue(), *bare.size


def _is_bare_png(data: bytes) -> bool:
    """Whether `data` is a PNG of nothing but its pixels, without anything after its end."""
    at, kinds = 8, set()
    while data.startswith(b"\x89PNG") and at + 12 <= len(data):
        kinds.add(data[at + 4 : at + 8])
        at += 12 + int.from_bytes(data[at : at + 4])
    return at == len(data) and kinds == {b"IHDR", b"IDAT", b"IEND"}


def strip_jpeg(data: bytes, name: str) -> bytes:
    """`data` without its APPn and COM segments, JFIF thumbnail and anything after the image; coded pixels untouched.

    Kept: JFIF (APP0), ICC profile (APP2) and Adobe (APP14) segments, which say what the colours are. Returns `data`
    itself if there is nothing to remove. Raises BadImage if the image has no end.
    """
    kept: list[bytes] = [jpeg.SOI]
    scans = 0
    try:
        for marker, start, end in jpeg.header_segments(data):
            scans = end
            if segment := _kept(marker, data, start, end):
                kept.append(segment)
        stop = jpeg.end_of_image(data, scans)
    except jpeg.NotJpeg as error:
        raise BadImage(name, str(error)) from None
    coded = data[scans:stop]
    stripped = b"".join(kept) + _without_segments(coded)
    return data if stripped == data else stripped


def _kept(marker: int, data: bytes, start: int, end: int) -> bytes:
    if marker == 0xE0 and data.startswith(b"JFIF\x00", start + 4) and end - start >= 18:
        return b"\xff\xe0\x00\x10" + data[start + 4 : start + 16] + b"\x00\x00"  # a thumbnail of 0 x 0
    if marker == 0xE2 and data.startswith(jpeg.ICC, start + 4):
        return data[start:end]
    if marker == 0xEE and data.startswith(b"Adobe", start + 4):
        return data[start:end]
    if 0xE0 <= marker <= 0xEF or marker == 0xFE:
        return b""
    return data[start:end]


def _without_segments(coded: bytes) -> bytes:
    """Remove APPn and COM segments that stand between the scans of a progressive image."""
    pieces, at = [], 0
    for marker, start, end in jpeg.scan_segments(coded):
        if 0xE0 <= marker <= 0xEF or marker == 0xFE:
            pieces.append(coded[at:start])
            at = end
    return b"".join([*pieces, coded[at:]]) if pieces else coded


def _png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=4)
    return out.getvalue()
