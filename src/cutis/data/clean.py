"""An image file without what it says about people: EXIF, GPS, comments, thumbnails and trailing data removed.

The rule on import:
  * An upright JPEG keeps its coded pixels, bit for bit: only segments are removed. What stays is what pixels need:
    JFIF (without thumbnail), the colour profile and Adobe's colour transform. One without anything to remove is
    copied as it is.
  * A JPEG with an EXIF rotation is decoded, turned upright and coded again (quality 95, 4:4:4).
  * Everything else is decoded and written as an 8-bit RGB PNG.
  * A mask becomes a PNG of 0 and 255 of its picture's size, whatever its encoding was.
Every image is decoded once here, so a damaged one is found on import, not in the middle of training.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from cutis.image import jpeg
from cutis.image.colour_profile import adobe_rgb
from cutis.image.decode import BadImage, Header, decode, probe, room_for
from cutis.image.mask import fitted, read_mask
from cutis.image.source import Unsupported

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
        bare = strip_jpeg(data, name)
        if (frame := jpeg.read_frame(data)).adobe_rgb and frame.components == 3 and not frame.icc:
            bare = jpeg.with_profile(bare, adobe_rgb())  # said by EXIF, which is gone
        return CleanImage(bare, ".jpg", header.width, header.height, header)
    with room_for(data, name, copies=2):
        pixels = decode(data, name)
        height, width = pixels.shape[:2]
        if header.format == "JPEG":
            import simplejpeg

            coded = simplejpeg.encode_jpeg(pixels, quality=QUALITY, colorspace="RGB", colorsubsampling="444")
            return CleanImage(coded, ".jpg", width, height, header)
        return CleanImage(_png(pixels), ".png", width, height, header)


@dataclass(frozen=True)
class CleanMask:
    """data: a PNG of 0 and 255, or of 1 bit, of the picture's size. kind, value, on_border: as `cutis.image.mask.Mask`
    has them. scaled: whether it had another size."""

    data: bytes
    kind: str
    value: int | None
    on_border: bool
    scaled: bool


def clean_mask(data: bytes, name: str, width: int, height: int) -> CleanMask:
    """A segmentation mask for a picture of that size, read by `cutis.image.mask`; a bare black and white PNG is copied.

    Raises BadImage, also for another size of other proportions.
    """
    mask = read_mask(data, name)
    try:
        own = fitted(mask, width, height)
    except Unsupported as error:
        raise BadImage(name, str(error)) from None
    plain = data.startswith(b"\x89PNG") and data[24:26] in (b"\x01\x00", b"\x08\x00")  # grey of 1 or 8 bits
    if own is mask and plain and not mask.kind and _is_bare_png(data):
        bare = data
    else:
        bare = _png(own.pixels.astype(np.uint8) * np.uint8(255))
    return CleanMask(bare, own.kind, own.value, own.on_border, own is not mask)


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
