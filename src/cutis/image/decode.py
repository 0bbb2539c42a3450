"""From an image file's bytes to pixels: the one way in, for import, training and prediction.

What is read, and how:
  * JPEG, PNG, TIFF, WebP, GIF, BMP, PPM, JPEG 2000 and AVIF; anything else is refused with its reason.
  * Always returned: RGB, 8 bits, sRGB, upright (EXIF orientation applied).
  * Transparency is laid on white. 16-bit samples are scaled to 8 bits (65535 -> 255). CMYK and embedded colour
    profiles are converted to sRGB (relative colorimetric); without a profile RGB is taken as sRGB.
  * Of an animation or a TIFF of several pages the first is read; `Header.frames` says how many there are.
  * More than `MAX_PIXELS` are refused from the header, before anything is decoded.
  * A truncated or damaged image is an error, never grey rows.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cutis.errors import CutisError
from cutis.image import jpeg

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

MAX_PIXELS = 100_000_000
MAX_BYTES = 512 * 2**20
# Changes whenever the same file would give other pixels: caches of decoded images carry it in their key.
VERSION = 1
# A JPEG is decoded at 1/2, 1/4 or 1/8 of its size where both sides stay this many times the size asked for. Measured on
# 600x450 dermoscopy to 128 px: 1.75 (half size) differs from a full decode by 0.2 levels of 255 on average and takes
# half the time; 2 would decode it whole.
OVERSAMPLE = 1.75
EXTENSIONS = {
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".gif", ".bmp", ".ppm", ".pgm", ".pnm",
    ".jp2", ".j2k", ".avif", ".heic", ".heif",
}  # fmt: skip


class BadImage(CutisError):
    """A file that can't be read as an image. `reason` is one short line without the file's name."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.reason = reason


class UnknownFormat(BadImage):
    """A file of no format that is read: no image at all, or HEIC."""


@dataclass(frozen=True)
class Header:
    """What the header says: upright width and height, Pillow's mode, EXIF's orientation, frames or pages."""

    width: int
    height: int
    format: str
    mode: str
    orientation: int = 1
    frames: int = 1


# Format -> (is it this, from the first 32 bytes; Pillow's module and class). The classes are opened directly:
# Image.open would try every format there is, and warn of large images before our own limit refuses them.
_FORMATS: dict[str, tuple[Callable[[bytes], bool], str, str]] = {
    "PNG": (lambda b: b.startswith(b"\x89PNG\r\n\x1a\n"), "PngImagePlugin", "PngImageFile"),
    "JPEG": (lambda b: b.startswith(jpeg.SOI + b"\xff"), "JpegImagePlugin", "JpegImageFile"),
    "TIFF": (lambda b: b[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "TiffImagePlugin", "TiffImageFile"),
    "WEBP": (lambda b: b[:4] == b"RIFF" and b[8:12] == b"WEBP", "WebPImagePlugin", "WebPImageFile"),
    "GIF": (lambda b: b[:6] in (b"GIF87a", b"GIF89a"), "GifImagePlugin", "GifImageFile"),
    "BMP": (lambda b: b[:2] == b"BM", "BmpImagePlugin", "BmpImageFile"),
    "PPM": (lambda b: b[:2] in (b"P2", b"P3", b"P5", b"P6"), "PpmImagePlugin", "PpmImageFile"),
    "JPEG2000": (
        lambda b: b.startswith((b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n")),
        "Jpeg2KImagePlugin",
        "Jpeg2KImageFile",
    ),
    "AVIF": (lambda b: b[4:12] in (b"ftypavif", b"ftypavis"), "AvifImagePlugin", "AvifImageFile"),
}


def read_bytes(path: Path | str) -> bytes:
    """A file's bytes, or BadImage if it is missing, not a file, or larger than MAX_BYTES."""
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BadImage(str(path), f"the file is {size / 1e6:.0f} MB; at most {MAX_BYTES / 1e6:.0f} MB are read")
        return path.read_bytes()
    except OSError as error:
        raise BadImage(str(path), (error.strerror or "cannot be read").lower()) from None


def probe(data: bytes, name: str, *, max_pixels: int = MAX_PIXELS) -> Header:
    """Size, format, mode and orientation from the header alone; nothing is decoded.

    Raises BadImage for an empty, truncated, unsupported or non-image file and for more than `max_pixels` pixels.
    """
    kind = _sniff(data, name)
    if kind == "JPEG":
        return _jpeg_header(_frame(data, name), name, max_pixels)
    image = _open(data, name, kind)
    header = _header(*image.size, kind, image.mode, _orientation(image, kind), 1, name, max_pixels)
    try:
        return replace(header, frames=getattr(image, "n_frames", 1))
    except Exception as error:  # counting frames walks the file
        raise BadImage(name, f"truncated or damaged ({_brief(error)})") from None


def decode(data: bytes, name: str, *, least: int | None = None, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """uint8 (height, width, 3) RGB pixels, sRGB, upright; `name` is for error messages.

    least: a JPEG may come back at 1/2, 1/4 or 1/8 of its size, but both sides at least OVERSAMPLE * least pixels (or
    whole, if it is smaller), so that an antialiased resize to `least` is nearly that of the whole image.
    Raises BadImage, with the reason.
    """
    pixels, orientation, _ = _stored_pixels(data, name, least, max_pixels)
    return _upright(pixels, orientation)


def decode_grey(data: bytes, name: str, *, least: int | None = None, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """uint8 (height, width): the luma (ITU-R BT.601) of what `decode` gives; from most JPEGs without their colour.

    For comparing images, not for measuring them: an embedded colour profile of a JPEG is not applied.
    """
    import cv2

    if _sniff(data, name) == "JPEG":
        frame = _frame(data, name)
        _jpeg_header(frame, name, max_pixels)
        if frame.components in (1, 3) and frame.bits == 8:
            grey = _jpeg_pixels(data, name, frame, _scale(frame, least), "GRAY")[..., 0]
            return _upright(grey, frame.orientation)
    grey = cv2.cvtColor(decode(data, name, least=least, max_pixels=max_pixels), cv2.COLOR_RGB2GRAY)
    return np.asarray(grey, np.uint8)


def read_square(source: bytes | Path | str, size: int, name: str = "image", *, constancy: str = "none") -> np.ndarray:
    """uint8 (size, size, 3): the whole image squeezed into a square by Pillow's antialiased bilinear filter.

    source: the file's bytes, or its path. constancy: "none", or a name of `cutis.image.constancy.CONSTANCY`, done to
    the square. Safe to call from several threads; the decoders and the resize release the interpreter's lock. Raises
    BadImage.
    """
    data, name = (source, name) if isinstance(source, bytes) else (read_bytes(source), str(source))
    return _square(*_stored_pixels(data, name, size, MAX_PIXELS), size, constancy)


def read_square_and_view(
    source: bytes | Path | str, size: int, longer: int, name: str = "image", *, constancy: str = "none"
) -> tuple[np.ndarray, np.ndarray]:
    """What `read_square` gives, and the upright picture it was made of (uint8 RGB, its colours as they came).

    The picture may be smaller than the file's, as `decode` says, but then its longer side has `longer` pixels or more,
    and its shorter side has half of that or more. Decoded once where that is enough for both, else twice. Raises
    BadImage.
    """
    data, name = (source, name) if isinstance(source, bytes) else (read_bytes(source), str(source))
    pixels, orientation, extent = _stored_pixels(data, name, size, MAX_PIXELS)
    square = _square(pixels, orientation, extent, size, constancy)
    long, short = max(pixels.shape[:2]), min(pixels.shape[:2])
    if long < longer or short < longer / 2:
        header = probe(data, name)
        if max(header.width, header.height) > long:  # it was decoded at a part of its size
            return square, decode(data, name, least=math.ceil(longer / OVERSAMPLE))
    return square, _upright(pixels, orientation)


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
    pixels, orientation, (right, bottom) = _stored_pixels(data, name, size, MAX_PIXELS)
    height, width = pixels.shape[:2]
    if orientation >= 5:
        width, height, right, bottom = height, width, bottom, right
    left, top = 0.0, 0.0
    if orientation in (2, 3, 6, 7):
        left, right = width - right, float(width)
    if orientation in (3, 4, 7, 8):
        top, bottom = height - bottom, float(height)
    return Picture(_upright(pixels, orientation), (left, top, right, bottom))


def _square(pixels: np.ndarray, orientation: int, extent: tuple[float, float], size: int, constancy: str) -> np.ndarray:
    return _upright(_squeezed(pixels, (0, 0, *extent), size, constancy), orientation)


def _squeezed(pixels: np.ndarray, box: tuple[float, float, float, float], size: int, constancy: str) -> np.ndarray:
    from PIL import Image

    small = np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR, box=box))
    if constancy != "none":
        from cutis.image.constancy import CONSTANCY

        small = CONSTANCY[constancy](small)
    return small


def _stored_pixels(
    data: bytes, name: str, least: int | None, max_pixels: int
) -> tuple[np.ndarray, int, tuple[float, float]]:
    """(pixels as stored, orientation still to be undone, (width, height) in pixels that the image covers of them).

    A JPEG of 450 rows at an eighth is 57 rows, of which the image covers 56.25.
    """
    kind = _sniff(data, name)
    if kind == "JPEG":
        frame = _frame(data, name)
        _jpeg_header(frame, name, max_pixels)
        if frame.components in (1, 3) and frame.bits == 8:
            power = _scale(frame, least)
            pixels = _jpeg_pixels(data, name, frame, power)
            if frame.icc and frame.components == 3:
                pixels = to_srgb_array(pixels, frame.icc)
            return pixels, frame.orientation, (frame.width / power, frame.height / power)
    image = _open(data, name, kind)
    _header(*image.size, kind, image.mode, 1, 1, name, max_pixels)  # before anything is decoded
    from PIL.Image import DecompressionBombError

    try:
        image.load()
        pixels = _rgb(image, name)
    except BadImage:
        raise
    except (DecompressionBombError, MemoryError):
        raise BadImage(name, "its parts are larger than its header says, or than memory allows") from None
    except Exception as error:  # Pillow's decoders raise many kinds of error on damaged files
        raise BadImage(name, f"truncated or damaged ({_brief(error)})") from None
    return pixels, _orientation(image, kind), (pixels.shape[1], pixels.shape[0])


def _sniff(data: bytes, name: str) -> str:
    if not data:
        raise BadImage(name, "the file is empty (0 bytes)")
    head = data[:32]
    for kind, (matches, _, _) in _FORMATS.items():
        if matches(head):
            return kind
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"mif1", b"hevc"):
        raise UnknownFormat(name, "HEIC is not supported; convert it to JPEG or PNG")
    if head[:4] == b"DICM" or data[128:132] == b"DICM":
        raise BadImage(name, "a DICOM file; import its folder with --as dicom")
    raise UnknownFormat(
        name, "not an image, or of a format that is not supported (JPEG, PNG, TIFF, WebP, GIF, BMP are)"
    )


def _frame(data: bytes, name: str) -> jpeg.Frame:
    try:
        return jpeg.read_frame(data)
    except jpeg.NotJpeg as error:
        raise BadImage(name, str(error)) from None


def _jpeg_header(frame: jpeg.Frame, name: str, max_pixels: int) -> Header:
    mode = {1: "L", 3: "RGB", 4: "CMYK"}.get(frame.components, "")
    if not mode:
        raise BadImage(name, f"a JPEG of {frame.components} components; 1, 3 and 4 are read")
    return _header(frame.width, frame.height, "JPEG", mode, frame.orientation, 1, name, max_pixels)


def _header(
    width: int, height: int, kind: str, mode: str, orientation: int, frames: int, name: str, max_pixels: int
) -> Header:
    if width < 1 or height < 1:
        raise BadImage(name, f"its header says {width} x {height} pixels")
    if width * height > max_pixels:
        raise BadImage(
            name, f"{width} x {height} pixels; at most {max_pixels / 1e6:.0f} million are read. Scale it down first"
        )
    if orientation >= 5:
        width, height = height, width
    return Header(width, height, kind, mode, orientation, frames)


def _open(data: bytes, name: str, kind: str) -> PilImage:
    _, module, plugin = _FORMATS[kind]
    try:
        image: PilImage = getattr(import_module(f"PIL.{module}"), plugin)(io.BytesIO(data))
    except Exception as error:  # Pillow's parsers raise many kinds of error on damaged headers
        raise BadImage(name, f"not a readable {kind} file ({_brief(error)})") from None
    return image


def _orientation(image: PilImage, kind: str) -> int:
    if kind == "TIFF":
        return 1  # Pillow turns these upright itself as it loads them, and swaps their size before
    return jpeg.exif_orientation(image.info.get("exif") or b"")


def _brief(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:120]


def _scale(frame: jpeg.Frame, least: int | None) -> int:
    """8, 4, 2 or 1: by how much a JPEG may shrink. libjpeg-turbo has no fast transform for the scales between."""
    if least is None:
        return 1
    smaller = min(frame.width, frame.height)
    return next((power for power in (8, 4, 2) if -(-smaller // power) >= OVERSAMPLE * least), 1)


def _jpeg_pixels(data: bytes, name: str, frame: jpeg.Frame, power: int, colours: str = "RGB") -> np.ndarray:
    import simplejpeg

    try:
        pixels: np.ndarray = simplejpeg.decode_jpeg(
            data, colours, min_height=-(-frame.height // power), min_width=-(-frame.width // power)
        )
    except ValueError as error:
        raise BadImage(name, f"truncated or damaged ({_brief(error)})") from None
    return pixels


def _rgb(image: PilImage, name: str) -> np.ndarray:
    """uint8 RGB in sRGB from a loaded Pillow image of any supported mode."""
    from PIL import Image

    mode = image.mode
    if mode.startswith("I;16"):
        grey = (np.asarray(image).astype(np.uint32) * 255 + 32767) // 65535
        return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    profile = image.info.get("icc_profile") or b""
    if mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        layered = image.convert("RGBA")
        flat = Image.new("RGBA", layered.size, "white")
        flat.alpha_composite(layered)
        image = flat.convert("RGB")
    elif mode in ("1", "L", "P"):
        image = image.convert("RGB")
    elif mode == "CMYK":
        return _cmyk(image, profile)
    elif mode == "YCbCr":
        image = image.convert("RGB")
    elif mode not in ("RGB", "RGBX"):
        raise BadImage(name, f'pixels of mode "{mode}" are not supported; convert it to 8-bit RGB')
    pixels = np.array(image.convert("RGB"))
    return to_srgb_array(pixels, profile) if profile and mode not in ("1", "L", "LA") else pixels


def _cmyk(image: PilImage, profile: bytes) -> np.ndarray:
    from PIL import ImageCms

    transform = srgb_transform(profile, "CMYK") if profile else None
    rgb = image.convert("RGB") if transform is None else ImageCms.applyTransform(image, transform)
    assert rgb is not None
    return np.array(rgb)


def to_srgb_array(pixels: np.ndarray, profile: bytes) -> np.ndarray:
    """uint8 RGB (H, W, 3) in the colours of an ICC profile -> sRGB; as it is where `srgb_transform` gives none."""
    from PIL import Image, ImageCms

    transform = srgb_transform(profile, "RGB")
    if transform is None:
        return pixels
    converted = ImageCms.applyTransform(Image.fromarray(pixels), transform)
    return np.array(converted)


@lru_cache(maxsize=32)
def srgb_transform(profile: bytes, mode: str) -> Any:
    """A transform to sRGB, or None where the profile is sRGB already, unreadable, or not one for `mode`."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != mode or "srgb" in ImageCms.getProfileDescription(source).casefold():
            return None
        return ImageCms.buildTransform(
            source, ImageCms.createProfile("sRGB"), mode, "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
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
