"""Which TIFFs Pillow reads right, held against a matrix of them written by another program; the others are refused.

Wrong without a word, and so refused or put right here: samples of 12 bits as if of 16, white-is-zero of 16 bits as
black-is-zero, signed samples as unsigned, samples of 16 bits in uncompressed planes, colour maps of 8-bit numbers,
uncompressed YCbCr of fewer colours than pixels. Source: TIFF 6.0 (tags; 23: colorimetry).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from cutis.image.colour_profile import D65, SRGB
from cutis.image.source import Unsupported

if TYPE_CHECKING:
    from PIL.TiffImagePlugin import TiffImageFile

MOST_FRAMES = 10_000  # counted; a file of more pages says this number
_REMEDY = "save it again as 8-bit RGB"
(_SUBFILE, _BITS, _PHOTOMETRIC, _FILL, _PLANES, _COLOUR_MAP, _EXTRA, _FORMAT) = (
    254, 258, 262, 266, 284, 320, 338, 339,
)  # fmt: skip
_TRANSFER, _WHITE, _PRIMARIES, _TILE_WIDTH, _TILE_LENGTH, _INKS, _SUBSAMPLING = 301, 318, 319, 322, 323, 332, 530
_MOST_ENTRIES = 4_096
_MOST_NUMBERS = 1_000_000  # of a tag; a strip a row of the tallest picture are 65,535
_BYTES = (1, 2, 6, 7)  # types that are kept as bytes
_LARGEST_TILE = 2**22  # pixels of a tile, or as many as four times the image's


def check_tiff(image: TiffImageFile, *, numbers: bool = False) -> None:
    """Raise Unsupported for a page that isn't read right; put its colour map right.

    image: opened, not loaded. numbers: float and signed samples are wanted as they are (a mask's).
    """
    tags: Any = image.tag_v2
    if tags.get(_SUBFILE, 0) & 5:
        raise Unsupported(f"its first page is a thumbnail or a mask of another; {_REMEDY}")
    bits, formats = _all(tags.get(_BITS, 1)), set(_all(tags.get(_FORMAT, 1)))
    photometric, raw = tags.get(_PHOTOMETRIC, 0), image.info.get("compression") == "raw"
    if formats != {1} and not (numbers and len(formats) == 1 and image.mode in ("I", "F") and photometric == 1):
        raise Unsupported(f"a TIFF of signed or floating-point samples; {_REMEDY}")
    if max(bits) > 8 and tags.get(_FILL, 1) != 1:
        raise Unsupported(f"a TIFF of {max(bits)} bits in reversed order; {_REMEDY}")
    if (
        tags.get(_PLANES, 1) == 2
        and raw
        and not (
            set(bits) == {8} and (image.mode in ("RGB", "RGBA", "CMYK") or (len(bits) == 1 and photometric in (1, 3)))
        )
    ):
        raise Unsupported(f"a TIFF of uncompressed planes of {max(bits)} bits; {_REMEDY}")
    if photometric == 6 and raw and _all(tags.get(_SUBSAMPLING, (2, 2))) != (1, 1):
        raise Unsupported(f"a TIFF of uncompressed YCbCr with fewer colours than pixels; {_REMEDY}")
    if photometric == 5 and tags.get(_INKS, 1) != 1:
        raise Unsupported(f"a TIFF of other inks than CMYK; {_REMEDY}")
    sides = [_all(tags.get(tag, 0))[0] for tag in (_TILE_WIDTH, _TILE_LENGTH)]
    if sides[0] * sides[1] > max(_LARGEST_TILE, 4 * image.width * image.height):
        raise Unsupported(f"tiles of {sides[0]} x {sides[1]} pixels for {image.width} x {image.height}; {_REMEDY}")
    if "icc_profile" not in image.info:
        _check_colours(tags)
    if image.mode in ("P", "PA") and (entries := tags.get(_COLOUR_MAP)) and max(entries) < 256:
        from PIL import ImagePalette

        image.palette = ImagePalette.raw("RGB;L", bytes(entries))  # of 8-bit numbers, as libtiff takes them


def check_entries(data: bytes) -> None:
    """Raise Unsupported where the first page holds so many numbers that Pillow's lists of them would fill memory."""
    order, offset, count, entry = _layout(data)
    at = 8 if entry == 20 else 4
    if at + struct.calcsize(offset) > len(data):
        return
    (page,) = struct.unpack_from(order + offset, data, at)
    if page + struct.calcsize(count) > len(data):
        return
    (entries,) = struct.unpack_from(order + count, data, page)
    for n in range(min(entries, _MOST_ENTRIES)):
        start = page + struct.calcsize(count) + n * entry
        if start + 12 > len(data):
            return
        tag, kind, values = struct.unpack_from(order + "HH" + offset, data, start)
        if kind not in _BYTES and values > _MOST_NUMBERS:
            raise Unsupported(f"a TIFF whose tag {tag} holds {values:,} numbers; {_REMEDY}")
    if entries > _MOST_ENTRIES:
        raise Unsupported(f"a TIFF of {entries:,} tags; {_REMEDY}")


def _layout(data: bytes) -> tuple[str, str, str, int]:
    """struct's codes of the byte order, an offset and a count of entries; bytes of an entry. TIFF, or BigTIFF."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    return (order, "Q", "Q", 20) if big else (order, "I", "H", 12)


def _check_colours(tags: Any) -> None:
    """Colours that a TIFF states by numbers must be near sRGB's."""
    white, points = (tuple(float(v) for v in _all(tags.get(tag, ()))) for tag in (_WHITE, _PRIMARIES))
    wanted = (*D65, *(v for point in SRGB for v in point))
    given = (*(white if len(white) == 2 else D65), *(points if len(points) == 6 else wanted[2:]))
    if any(abs(a - b) > 0.01 for a, b in zip(given, wanted, strict=True)):
        raise Unsupported("a TIFF whose primaries or white point are not sRGB's, without a profile; save it as sRGB")
    curve = _all(tags.get(_TRANSFER, ()))
    if len(curve) in (256, 3 * 256):
        usual = [((k / 255) ** 2.2) * 65535 for k in range(256)] * (len(curve) // 256)
        if max(abs(a - b) for a, b in zip(curve, usual, strict=True)) > 1500:
            raise Unsupported("a TIFF whose transfer function is not sRGB's, without a profile; save it as sRGB")


def _all(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def white_is_zero(image: TiffImageFile) -> bool:
    """Whether 16-bit grey has still to be turned over, which Pillow does for up to 8 bits."""
    return int(image.tag_v2.get(_PHOTOMETRIC, 0)) == 0


def signed(image: TiffImageFile) -> bool:
    return 2 in _all(image.tag_v2.get(_FORMAT, 1))


def most(image: TiffImageFile) -> int:
    """The largest number that a sample of up to 16 bits can be: Pillow leaves 12 bits unscaled."""
    return int(2 ** _all(image.tag_v2.get(_BITS, 1))[0] - 1)


def alpha_known(image: TiffImageFile) -> bool:
    """False where a fourth sample isn't said to be transparency, as it must be."""
    return image.mode not in ("RGBA", "LA", "PA") or set(_all(image.tag_v2.get(_EXTRA, ()))) & {1, 2} != set()


def has_unnamed(image: TiffImageFile) -> bool:
    """Whether there are samples that are neither colour nor said to be transparency; Pillow leaves them out."""
    return 0 in _all(image.tag_v2.get(_EXTRA, ()))


def count_pages(data: bytes) -> int:
    """How many pages are linked, at most `MOST_FRAMES`; a chain that returns to a page ends there."""
    order, offset, count, entry = _layout(data)
    seen: set[int] = set()
    at = 8 if entry == 20 else 4
    while at + struct.calcsize(offset) <= len(data) and len(seen) < MOST_FRAMES:
        (page,) = struct.unpack_from(order + offset, data, at)
        if not page or page in seen or page + struct.calcsize(count) > len(data):
            break
        seen.add(page)
        (entries,) = struct.unpack_from(order + count, data, page)
        at = page + struct.calcsize(count) + entry * entries
    return max(1, len(seen))
