"""From an image file's bytes to pixels: the one way in, for import, training and prediction.

What is read, and how:
  * JPEG, PNG, TIFF, WebP, GIF, BMP, PPM, JPEG 2000 and AVIF; anything else is refused with its reason.
  * Always returned: RGB, 8 bits, sRGB, upright (EXIF orientation applied; of several EXIF blocks the first).
  * Transparency is laid on white. 16-bit samples are scaled to 8 bits (65535 -> 255). CMYK and colours that a profile,
    or the file's header, says are not sRGB are converted (relative colorimetric); what a profile is called says
    nothing. Where nothing is said RGB is taken as sRGB. What a decoder would only guess at is refused.
  * Of an animation or a TIFF of several pages the first is read; `Header.frames` says how many there are.
  * Limits are checked from the header, before anything is decoded: `MAX_PIXELS` in all, a side, a JPEG's scans, and
    passes over all pixels (see `cutis.image.opened`). `cost` says what a file would take.
  * All threads together hold no more memory than `cutis.image.budget` allows, or one picture if that needs more.
  * A truncated or damaged image is an error, never grey rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cutis.image import jpeg, samples
from cutis.image.budget import BUDGET
from cutis.image.colour_profile import srgb_transform, to_srgb_array
from cutis.image.opened import MAX_PIXELS, Cost, Header, Opened, brief, open_header, pillow
from cutis.image.source import MAX_BYTES, BadImage, UnknownFormat, Unsupported, read_bytes

__all__ = [
    "EXTENSIONS", "MAX_BYTES", "MAX_PIXELS", "OVERSAMPLE", "VERSION", "BadImage", "Cost", "Header", "Picture",
    "UnknownFormat", "Unsupported", "cost", "decode", "decode_grey", "probe", "read_bytes", "read_picture",
    "read_square", "read_square_and_view", "room_for", "srgb_transform", "to_srgb_array",
]  # fmt: skip

# Changes whenever the same file would give other pixels: caches of decoded images carry it in their key.
VERSION = 2
# A JPEG is decoded at 1/2, 1/4 or 1/8 of its size where both sides stay this many times the size asked for. Measured on
# 600x450 dermoscopy to 128 px: 1.75 (half size) differs from a full decode by 0.2 levels of 255 on average and takes
# half the time; 2 would decode it whole.
OVERSAMPLE = 1.75
EXTENSIONS = {
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".gif", ".bmp", ".ppm", ".pgm", ".pnm",
    ".jp2", ".j2k", ".avif", ".heic", ".heif",
}  # fmt: skip


def probe(data: bytes, name: str, *, max_pixels: int = MAX_PIXELS) -> Header:
    """Size, format, mode and orientation from the header alone; nothing is decoded.

    Raises BadImage for an empty, truncated, unsupported or non-image file, and for one past a limit.
    """
    return open_header(data, name, max_pixels).header


def cost(data: bytes, name: str, *, max_pixels: int = MAX_PIXELS) -> Cost:
    """What decoding a file whole would take of memory and time, from its header. Raises BadImage as `probe` does."""
    return open_header(data, name, max_pixels).cost()


@contextmanager
def room_for(data: bytes, name: str, *, least: int | None = None, copies: int = 0) -> Iterator[None]:
    """Hold what decoding takes of the budget, and so many copies of the pixels, while work with them goes on.

    For work that keeps a large picture longer than its decoding. least: as in `decode`. Raises BadImage as `probe`.
    """
    opened = open_header(data, name)
    shrunk = _scale(opened.frame, least) if opened.frame else 1
    takes = opened.cost(shrunk=shrunk)
    with BUDGET.hold(len(data) + takes.memory + 3 * copies * (takes.pixels // shrunk**2)):
        yield


def decode(data: bytes, name: str, *, least: int | None = None, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """uint8 (height, width, 3) RGB pixels, sRGB, upright; `name` is for error messages.

    least: a JPEG may come back at 1/2, 1/4 or 1/8 of its size, but both sides at least OVERSAMPLE * least pixels (or
    whole, if it is smaller), so that an antialiased resize to `least` is nearly that of the whole image.
    Raises BadImage, with the reason.
    """
    with _stored(data, name, least, max_pixels) as (pixels, orientation, _):
        return upright(pixels, orientation)


def decode_grey(data: bytes, name: str, *, least: int | None = None, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """uint8 (height, width): the luma (ITU-R BT.601) of what `decode` gives; from most JPEGs without their colour.

    For comparing images, not for measuring them: an embedded colour profile of a JPEG is not applied.
    """
    import cv2

    opened = open_header(data, name, max_pixels)
    if (frame := opened.frame) and frame.components in (1, 3):
        power = _scale(frame, least)
        with BUDGET.hold(len(data) + opened.cost(shrunk=power).memory):
            return upright(jpeg_pixels(data, name, frame, power, "GRAY")[..., 0], frame.orientation)
    with _stored(data, name, least, max_pixels) as (pixels, orientation, _):
        return upright(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8), orientation)


def read_square(source: bytes | Path | str, size: int, name: str = "image", *, constancy: str = "none") -> np.ndarray:
    """uint8 (size, size, 3): the whole image squeezed into a square by Pillow's antialiased bilinear filter.

    source: the file's bytes, or its path. constancy: "none", or a name of `cutis.image.constancy.CONSTANCY`, done to
    the square. Safe to call from several threads; the decoders and the resize release the interpreter's lock. Raises
    BadImage.
    """
    data, name = (source, name) if isinstance(source, bytes) else (read_bytes(source), str(source))
    with _stored(data, name, size, MAX_PIXELS) as stored:
        return _square(*stored, size, constancy)


def read_square_and_view(
    source: bytes | Path | str, size: int, longer: int, name: str = "image", *, constancy: str = "none"
) -> tuple[np.ndarray, np.ndarray]:
    """What `read_square` gives, and the upright picture it was made of (uint8 RGB, its colours as they came).

    The picture may be smaller than the file's, as `decode` says, but then its longer side has `longer` pixels or more,
    and its shorter side has half of that or more. Decoded once where that is enough for both, else twice. Raises
    BadImage.
    """
    data, name = (source, name) if isinstance(source, bytes) else (read_bytes(source), str(source))
    with _stored(data, name, size, MAX_PIXELS) as (pixels, orientation, extent):
        square = _square(pixels, orientation, extent, size, constancy)
        long, short = max(pixels.shape[:2]), min(pixels.shape[:2])
        header = probe(data, name) if long < longer or short < longer / 2 else None
        if header is None or max(header.width, header.height) <= long:
            return square, upright(pixels, orientation)
    return square, decode(data, name, least=math.ceil(longer / OVERSAMPLE))  # it was decoded at a part of its size


@dataclass(frozen=True)
class Picture:
    """An upright picture in memory, to be changed and then squared as `read_square` squares a file.

    pixels: uint8 (height, width, 3) RGB. box: (left, top, right, bottom), what of them the image covers: a JPEG of 450
    rows decoded at an eighth is 57 rows, of which it covers 56.25.
    """

    pixels: np.ndarray
    box: tuple[float, float, float, float]

    @classmethod
    def whole(cls, pixels: np.ndarray) -> Picture:
        return cls(pixels, (0, 0, pixels.shape[1], pixels.shape[0]))

    def square(self, size: int, *, constancy: str = "none") -> np.ndarray:
        """uint8 (size, size, 3): see `read_square`."""
        return _squeezed(self.pixels, self.box, size, constancy)


def read_picture(source: bytes | Path | str, size: int, name: str = "image") -> Picture:
    """The picture whose square of `size` is what `read_square` gives: the same pixels, if the file is stored upright,
    else the same but for rounding. Raises BadImage."""
    data, name = (source, name) if isinstance(source, bytes) else (read_bytes(source), str(source))
    with _stored(data, name, size, MAX_PIXELS) as (pixels, orientation, (right, bottom)):
        height, width = pixels.shape[:2]
        if orientation >= 5:
            width, height, right, bottom = height, width, bottom, right
        left, top = 0.0, 0.0
        if orientation in (2, 3, 6, 7):
            left, right = width - right, float(width)
        if orientation in (3, 4, 7, 8):
            top, bottom = height - bottom, float(height)
        return Picture(upright(pixels, orientation), (left, top, right, bottom))


def _square(pixels: np.ndarray, orientation: int, extent: tuple[float, float], size: int, constancy: str) -> np.ndarray:
    return upright(_squeezed(pixels, (0, 0, *extent), size, constancy), orientation)


def _squeezed(pixels: np.ndarray, box: tuple[float, float, float, float], size: int, constancy: str) -> np.ndarray:
    from PIL import Image

    small = np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR, box=box))
    if constancy != "none":
        from cutis.image.constancy import CONSTANCY

        small = CONSTANCY[constancy](small)
    return small


@contextmanager
def _stored(
    data: bytes, name: str, least: int | None, max_pixels: int
) -> Iterator[tuple[np.ndarray, int, tuple[float, float]]]:
    """(pixels as stored, orientation still to be undone, (width, height) in pixels that the image covers of them),
    with what they take held of the budget.

    A JPEG of 450 rows at an eighth is 57 rows, of which the image covers 56.25.
    """
    opened = open_header(data, name, max_pixels)
    frame, orientation = opened.frame, opened.header.orientation
    if frame and frame.components in (1, 3):
        power = _scale(frame, least)
        with BUDGET.hold(len(data) + opened.cost(shrunk=power).memory):
            try:
                if not opened.profile:
                    pixels = jpeg_pixels(data, name, frame, power)
                elif frame.components == 3:
                    pixels = to_srgb_array(jpeg_pixels(data, name, frame, power), opened.profile)
                else:
                    pixels = to_srgb_array(jpeg_pixels(data, name, frame, power, "GRAY")[..., 0], opened.profile)
            except Unsupported as error:
                raise BadImage(name, str(error)) from None
            yield pixels, orientation, (frame.width / power, frame.height / power)
        return
    with BUDGET.hold(len(data) + opened.cost().memory):
        pixels = _pillow_pixels(data, name, opened)
        yield pixels, orientation, (pixels.shape[1], pixels.shape[0])


def _pillow_pixels(data: bytes, name: str, opened: Opened) -> np.ndarray:
    from PIL.Image import DecompressionBombError

    image = opened.image or pillow(data, name, opened.header.format)
    try:
        image.load()
        pixels = samples.rgb(image, opened)
        image.close()  # its own copy of them
        return pixels
    except Unsupported as error:
        raise BadImage(name, str(error)) from None
    except (DecompressionBombError, MemoryError):
        raise BadImage(name, "its parts are larger than its header says, or than memory allows") from None
    except Exception as error:  # Pillow's decoders raise many kinds of error on damaged files
        raise BadImage(name, f"truncated or damaged ({brief(error)})") from None


def _scale(frame: jpeg.Frame, least: int | None) -> int:
    """8, 4, 2 or 1: by how much a JPEG may shrink. libjpeg-turbo has no fast transform for the scales between."""
    if least is None:
        return 1
    smaller = min(frame.width, frame.height)
    return next((power for power in (8, 4, 2) if -(-smaller // power) >= OVERSAMPLE * least), 1)


def jpeg_pixels(data: bytes, name: str, frame: jpeg.Frame, power: int, colours: str = "RGB") -> np.ndarray:
    import simplejpeg

    try:
        pixels: np.ndarray = simplejpeg.decode_jpeg(
            data, colours, min_height=-(-frame.height // power), min_width=-(-frame.width // power)
        )
    except (ValueError, MemoryError) as error:
        raise BadImage(name, f"truncated or damaged ({brief(error)})") from None
    return pixels


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Undo EXIF orientation 1..8 (EXIF 2.32, 4.6.4 A)."""
    if orientation == 1:
        return pixels
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
