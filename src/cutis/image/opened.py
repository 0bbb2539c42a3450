"""A file opened as far as its header: which format, what the header says, what decoding would take. Nothing is decoded.

Every limit is checked here, for every format: pixels, sides, scans, passes over the picture, and what a decoder would
only guess at.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from cutis.image import colour_profile, jpeg
from cutis.image.colour_profile import BAND
from cutis.image.formats import tiff
from cutis.image.formats.bmp import read_bmp
from cutis.image.formats.boxes import read_avif
from cutis.image.formats.exif import read_exif
from cutis.image.formats.gif import read_gif
from cutis.image.formats.jpeg2000 import read_jp2
from cutis.image.formats.png import read_png
from cutis.image.formats.webp import read_webp
from cutis.image.source import BadImage, UnknownFormat, Unsupported

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage
    from PIL.TiffImagePlugin import TiffImageFile

MAX_PIXELS = 100_000_000
MAX_SIDE = 65_535  # as a JPEG's; a row of its own takes memory in every decoder
# Times that a decoder goes over all pixels, times the pixels: 20 scans of the largest picture, 100 of one of 20
# million. The largest picture in JPEG 2000, the dearest coding, is below it.
MAX_PASSES = 2_000_000_000


@dataclass(frozen=True)
class Header:
    """What the header says: upright width and height, Pillow's mode, EXIF's orientation, frames or pages (of a long
    animation not all are counted), scans of a JPEG."""

    width: int
    height: int
    format: str
    mode: str
    orientation: int = 1
    frames: int = 1
    scans: int = 1


@dataclass(frozen=True)
class Cost:
    """What decoding a picture takes, as far as its header tells; at most, not on average.

    memory: bytes, with the pixels that it gives, without the file's own. passes: pixels that are gone over, by every
    scan and weighed by format; a core of 2020 does about 100 million a second, so that `seconds` is their time there.
    """

    pixels: int
    scans: int
    memory: int
    passes: int

    @property
    def seconds(self) -> float:
        return self.passes / 1e8


@dataclass(frozen=True)
class Opened:
    """frame: a JPEG's header. image: Pillow's, not loaded, for all but JPEG and WebP. profile: ICC, b"" for sRGB.
    clear: the grey of 16 bits that is transparent. alpha_known: False where a last channel isn't said to be one.
    lossy: whether the values may be off by a little. more: bytes that decoding takes beside what its pixels do."""

    header: Header
    profile: bytes = b""
    frame: jpeg.Frame | None = None
    image: PilImage | None = None
    clear: int | None = None
    alpha_known: bool = True
    lossy: bool = False
    more: int = 0

    def cost(self, *, shrunk: int = 1) -> Cost:
        """shrunk: a JPEG is decoded at 1/shrunk of its sides."""
        header, frame = self.header, self.frame
        pixels = header.width * header.height
        whole = 0 if frame and frame.components != 4 and not self.profile else _PER_BAND * min(pixels, BAND)
        slower = 4 * pixels if self.profile else 0
        if frame is None:
            memory, weight = _TAKES[header.format]
            return Cost(pixels, 1, pixels * memory + whole + self.more, pixels * weight + slower)
        each = 7 if frame.components == 4 else 6 if self.profile else 3
        memory = each * (pixels // shrunk**2) + whole
        memory += 2 * pixels * frame.components if frame.buffered else 0
        weight = 3 if frame.components == 4 else 1
        return Cost(pixels, frame.scans, memory, pixels * frame.scans * weight + slower)


# Format -> (is it this, from the first 32 bytes; Pillow's module and class). The classes are opened directly:
# Image.open would try every format there is, and warn of large images before our own limit refuses them.
FORMATS: dict[str, tuple[Callable[[bytes], bool], str, str]] = {
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
# Format -> (bytes a pixel, and seconds for 100 million pixels, that decoding was seen to take at most).
_TAKES = {
    "PNG": (8, 4),
    "TIFF": (9, 4),
    "WEBP": (17, 7),
    "GIF": (5, 3),
    "BMP": (8, 3),
    "PPM": (8, 3),
    "JPEG2000": (26, 10),
    "AVIF": (12, 5),
}
_MOST_AS_TEXT = 4_000_000  # pixels of a PPM in plain digits, which take a second a million
_PER_BAND = 16  # bytes a pixel of a band that is being converted


def open_header(data: bytes, name: str, max_pixels: int = MAX_PIXELS, *, numbers: bool = False) -> Opened:
    """Raises BadImage for an empty, truncated, unsupported or non-image file, and for one past a limit.

    numbers: a TIFF's samples may be of any kind, as a mask's are.
    """
    kind = _sniff(data, name)
    try:
        opened = _jpeg(data) if kind == "JPEG" else _other(data, name, kind, max_pixels, numbers)
    except (Unsupported, jpeg.NotJpeg) as error:
        raise BadImage(name, str(error)) from None
    header = opened.header
    _check_size(header.width, header.height, name, max_pixels)
    if header.scans > jpeg.MOST_SCANS:
        raise BadImage(name, f"a JPEG of more than {jpeg.MOST_SCANS} scans; save it again")
    takes = opened.cost()
    if takes.pixels <= MAX_PIXELS and takes.passes > MAX_PASSES:  # a larger one is refused as such, by who decodes it
        raise BadImage(
            name, f"{header.width} x {header.height} pixels in {header.scans} scans take too long; save it again"
        )
    return opened


def _sniff(data: bytes, name: str) -> str:
    if not data:
        raise BadImage(name, "the file is empty (0 bytes)")
    head = data[:32]
    for kind, (matches, _, _) in FORMATS.items():
        if matches(head):
            return kind
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"mif1", b"hevc"):
        raise UnknownFormat(name, "HEIC is not supported; convert it to JPEG or PNG")
    if head[:4] == b"DICM" or data[128:132] == b"DICM":
        raise BadImage(name, "a DICOM file; import its folder with --as dicom")
    raise UnknownFormat(
        name, "not an image, or of a format that is not supported (JPEG, PNG, TIFF, WebP, GIF, BMP are)"
    )


def _check_size(width: int, height: int, name: str, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise BadImage(name, f"its header says {width} x {height} pixels")
    if width * height > max_pixels:
        raise BadImage(
            name, f"{width} x {height} pixels; at most {max_pixels / 1e6:.0f} million are read. Scale it down first"
        )
    if max(width, height) > MAX_SIDE:
        raise BadImage(name, f"{width} x {height} pixels; at most {MAX_SIDE:,} a side are read")


def _jpeg(data: bytes) -> Opened:
    frame = jpeg.read_frame(data)
    mode = {1: "L", 3: "RGB", 4: "CMYK"}.get(frame.components)
    if mode is None:
        raise Unsupported(f"a JPEG of {frame.components} components; 1, 3 and 4 are read")
    if frame.bits != 8:
        raise Unsupported(f"a JPEG of {frame.bits} bits a sample; 8 are read. Convert it to 8 bits")
    if mode == "CMYK" and frame.adobe is None:
        raise Unsupported("a CMYK JPEG that doesn't say (by Adobe's marker) whether it is inverted; save it as RGB")
    sides = (frame.width, frame.height) if frame.orientation < 5 else (frame.height, frame.width)
    profile = frame.icc or (colour_profile.adobe_rgb() if frame.adobe_rgb and mode == "RGB" else b"")
    header = Header(*sides, "JPEG", mode, frame.orientation, 1, frame.scans)
    return Opened(header, profile, frame, lossy=True)


def _other(data: bytes, name: str, kind: str, max_pixels: int, numbers: bool) -> Opened:
    if kind == "WEBP":
        found = read_webp(data)
        width, height = (found.width, found.height) if found.exif.orientation < 5 else (found.height, found.width)
        mode = "RGBA" if found.has_alpha else "RGB"
        header = Header(width, height, kind, mode, found.exif.orientation, found.frames)
        return Opened(header, found.profile, lossy=not found.lossless)
    profile, orientation, frames = b"", 1, 1
    clear, known, lossy, more = None, True, False, 0
    # What walks through the file does so before Pillow, which walks without a limit.
    if kind == "PNG":
        png = read_png(data, name)
        profile, orientation, frames, clear = png.profile, png.exif.orientation, png.frames, png.transparent
    elif kind == "GIF":
        frames, profile = read_gif(data)
    elif kind == "TIFF":
        tiff.check_entries(data)
    elif kind == "JPEG2000":
        jp2 = read_jp2(data)
        profile, known, lossy, more = jp2.profile, jp2.alpha_known, True, jp2.memory
    elif kind == "BMP":
        profile = read_bmp(data)
    image = pillow(data, name, kind)
    _check_size(*image.size, name, max_pixels)
    if kind == "TIFF":  # Pillow turns these upright itself as it loads them, and swaps their size before
        page: TiffImageFile = image  # type: ignore[assignment]
        tiff.check_tiff(page, numbers=numbers)
        profile, frames, known = image.info.get("icc_profile") or b"", tiff.count_pages(data), tiff.alpha_known(page)
        lossy = image.info.get("compression") in ("jpeg", "tiff_jpeg", "webp")
    elif kind == "JPEG2000" and image.size != jp2.coded:
        raise Unsupported("damaged: its sizes disagree")
    elif kind == "AVIF":
        profile = image.info.get("icc_profile") or read_avif(data)
        orientation = read_exif(image.info.get("exif") or b"").orientation
        frames, lossy = image.n_frames, True  # type: ignore[attr-defined]
    elif kind == "PPM" and data[:2] in (b"P2", b"P3") and image.width * image.height > _MOST_AS_TEXT:
        raise Unsupported(f"a PPM as text of more than {_MOST_AS_TEXT // 10**6} million pixels; save it as PNG")
    width, height = image.size if orientation < 5 else image.size[::-1]
    header = Header(width, height, kind, image.mode, orientation, frames)
    return Opened(header, profile, None, image, clear, known, lossy, more)


def pillow(data: bytes, name: str, kind: str) -> PilImage:
    """Pillow's image of a file, its header read. Raises BadImage."""
    _large_blocks()
    _, module, plugin = FORMATS[kind]
    try:
        image: PilImage = getattr(import_module(f"PIL.{module}"), plugin)(io.BytesIO(data))
    except MemoryError:
        raise BadImage(name, "its header needs more memory than there is") from None
    except Exception as error:  # Pillow's parsers raise many kinds of error on damaged headers
        raise BadImage(name, f"not a readable {kind} file ({brief(error)})") from None
    return image


@cache
def _large_blocks() -> None:
    """Have Pillow take a picture's memory in pieces so large that glibc maps each on its own and gives it back.

    In its usual pieces of 16 MB it stays with the thread that freed it: eight threads kept 4 GB.
    """
    from PIL import Image

    core: Any = vars(Image)["core"]  # what PILLOW_BLOCK_SIZE sets
    core.set_block_size(128 * 2**20)


def brief(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:120]
