"""From a loaded Pillow image of any mode to uint8 RGB in sRGB, a band of rows at a time so that no copy is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cutis.image.colour_profile import bands, srgb_transform, to_srgb_array
from cutis.image.formats import tiff
from cutis.image.opened import Opened
from cutis.image.source import Unsupported

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

_PLAIN = ("1", "L", "P", "RGB", "RGBX", "YCbCr")
_CLEAR = ("LA", "La", "PA", "RGBA", "RGBa")


def rgb(image: PilImage, opened: Opened) -> np.ndarray:
    """uint8 (height, width, 3), as `image` lies. Raises Unsupported for a mode or profile that isn't read."""
    kind, mode = opened.header.format, image.mode
    if mode.startswith("I;16") or (mode == "I" and kind == "PPM"):
        return _wide(image, opened)
    if mode not in (*_PLAIN, *_CLEAR, "CMYK"):
        raise Unsupported(f'pixels of mode "{mode}" are not supported; convert it to 8-bit RGB')
    clear = mode in _CLEAR or "transparency" in image.info
    if mode in ("RGBA", "LA", "PA") and clear:
        clear = _is_transparency(image, opened)
    made = np.empty((image.height, image.width, 3), np.uint8)
    whole = image.height * image.width
    for rows in bands(image.height, image.width):
        band = image if made[rows].size == 3 * whole else image.crop((0, rows.start, image.width, rows.stop))
        made[rows] = _band(band, opened.profile, clear)
    return made


def _band(band: PilImage, profile: bytes, clear: bool) -> np.ndarray:
    from PIL import Image, ImageCms

    if band.mode == "CMYK":
        transform = srgb_transform(profile, "CMYK") if profile else None
        converted = band.convert("RGB") if transform is None else ImageCms.applyTransform(band, transform)
        return np.asarray(converted)
    if clear:
        layered = band.convert("RGBA")
        flat = Image.new("RGBA", layered.size, "white")
        flat.alpha_composite(layered)
        band = flat
    elif band.mode in ("RGBA", "LA", "PA"):  # an alpha that means nothing
        band = band.convert({"RGBA": "RGB", "LA": "L", "PA": "P"}[band.mode])
    if profile and band.mode in ("1", "L"):
        return to_srgb_array(np.asarray(band.convert("L")), profile)
    pixels = np.asarray(band.convert("RGB"))
    return to_srgb_array(pixels, profile) if profile else pixels


def _is_transparency(image: PilImage, opened: Opened) -> bool:
    """Whether the alpha channel is to be laid on white. Raises Unsupported where that isn't said and matters."""
    lowest, highest = image.getchannel("A").getextrema()
    if opened.header.format == "BMP" and highest == 0:  # Windows' programs leave it 0
        return False
    if not opened.alpha_known and lowest != 255:
        raise Unsupported("a last channel that its header doesn't name: transparency or not; save it again as RGB")
    return lowest != 255


def _wide(image: PilImage, opened: Opened) -> np.ndarray:
    """Grey of 9 to 16 bits, scaled to 8 (the largest number -> 255)."""
    most, turned = 65535, False
    if opened.header.format == "TIFF":
        most, turned = tiff.most(image), tiff.white_is_zero(image)  # type: ignore[arg-type]
    made = np.empty((image.height, image.width, 3), np.uint8)
    for rows in bands(image.height, image.width):
        grey = np.asarray(image.crop((0, rows.start, image.width, rows.stop))).astype(np.uint32)
        scaled = ((most - grey if turned else grey) * 255 + most // 2) // most
        if opened.clear is not None:
            scaled[grey == opened.clear] = 255
        made[rows] = to_srgb_array(scaled.astype(np.uint8), opened.profile) if opened.profile else scaled[..., None]
    return made
