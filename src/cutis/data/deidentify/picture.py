"""An image file to a clean one: everything but the pixels removed, and what became of the pixels measured.

What is tried, in this order, until the result decodes to the same upright sRGB pixels as the source:
  1. JPEG, PNG: the coded pixels copied, without any colour profile;
  2. JPEG, PNG: the same with the bare numbers of the colour profile;
  3. decoded, turned upright, converted to sRGB and coded again: JPEG as JPEG (quality 95, 4:4:4), all else as PNG.
A JPEG that has to be turned, or whose profile is more than a matrix and curves, is the only one that changes.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cutis.data.clean import QUALITY
from cutis.data.deidentify import jpeg_parts, png_parts
from cutis.data.deidentify.colour_profile import bare_profile
from cutis.data.deidentify.held import in_other
from cutis.image.colour_profile import bands
from cutis.image.decode import Header, decode, probe, room_for


@dataclass(frozen=True)
class CleanPicture:
    """The clean file, its upright pixels, and how it came to be.

    mean_error, max_error: |difference| in levels of 255 between the pixels before and after; 0 where nothing changed.
    note: what a reader of the log should know of it, "" if nothing.
    """

    data: bytes
    extension: str
    container: str
    pixels: np.ndarray
    removed: Counter[str]
    mean_error: float
    max_error: int
    note: str


def clean_picture(data: bytes, name: str) -> CleanPicture:
    """Raises BadImage for a file that is no image, or that can't be decoded whole."""
    together: Callable[[bytes], bytes] | None = None
    profile = b""
    if data.startswith(png_parts.SIGNATURE):
        png = png_parts.take_apart(data, name)
        readable, profile, together, removed = png.readable, png.icc, png.together, png.removed
        header = probe(readable, name)
    else:
        readable = data
        header = probe(data, name)
        if header.format == "JPEG":
            jpeg = jpeg_parts.take_apart(data, name)
            profile, together, removed = jpeg.icc, jpeg.together, jpeg.removed
        else:
            removed = in_other(data, header.format)
    with room_for(readable, name, copies=3):
        source = decode(readable, name)
        extension = ".jpg" if header.format == "JPEG" else ".png"
        if together is not None:
            for kept in (b"", bare_profile(profile) if profile else None):
                if kept is None:
                    continue
                bare = together(kept)
                if np.array_equal(decode(bare, name), source):
                    note = _note(header, copied=True)
                    return CleanPicture(bare, extension, header.format, source, removed, 0.0, 0, note)
        coded = _jpeg(source) if header.format == "JPEG" else _png(source)
        mean, most = _away(decode(coded, name), source)
    return CleanPicture(coded, extension, header.format, source, removed, mean, most, _note(header))


def _away(pixels: np.ndarray, source: np.ndarray) -> tuple[float, int]:
    """Mean and largest difference in levels of 255."""
    total, most = 0, 0
    for rows in bands(*source.shape[:2]):
        away = np.abs(pixels[rows].astype(np.int16) - source[rows])
        total, most = total + int(away.sum(dtype=np.int64)), max(most, int(away.max()))
    return total / source.size, most


def _note(header: Header, *, copied: bool = False) -> str:
    notes = []
    if header.frames > 1:
        notes.append(f"the first of {header.frames} frames or pages")
    if header.orientation != 1 and not copied:
        notes.append("turned upright")
    if not copied and header.mode.startswith("I;16"):
        notes.append("16 bits scaled to 8")
    if not copied and header.mode in ("LA", "PA", "RGBA"):
        notes.append("transparency laid on white")
    return "; ".join(notes)


def _jpeg(pixels: np.ndarray) -> bytes:
    import simplejpeg

    coded: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels), quality=QUALITY, colorspace="RGB", colorsubsampling="444"
    )
    return coded


def _png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=4)
    return out.getvalue()
