"""A mask file or array to lesion or not, pixel by pixel: the one reader of masks, for import, export and evaluation.

Any encoding with two values is understood: 0 and 1, 0 and 255, 0 and 65535, 1 bit, booleans, floats, two colours or
palette entries (the brighter is the lesion), an alpha channel, .npy. Where values lie between, what is above the middle
is lesion: 128 of 255 (as the ISIC 2018 challenge has it), 0.5 of probabilities. `Mask.kind` says how values were taken,
so that it can be told; `KINDS` has the words. What would be a guess is refused: label maps (unless a label is asked
for), photographs, two values of which both or neither are above the middle.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cutis.image.budget import BUDGET
from cutis.image.decode import EXTENSIONS, jpeg_pixels, upright
from cutis.image.formats import tiff
from cutis.image.opened import MAX_PIXELS, Opened, brief, open_header, pillow
from cutis.image.source import BadImage, LabelMap, SeveralLabels, Unsupported, read_bytes

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

MASK_EXTENSIONS = {*EXTENSIONS, ".npy"}
# Kind -> what is said of masks whose values were so taken: "12 predicted masks ...".
KINDS = {
    "0/1": "hold 0 and 1 only: 1 was taken as lesion",
    "two values": "hold two values other than 0 and 255: the larger was taken as lesion",
    "grey": "are not black and white: what is above 128 (of 255) was taken as lesion",
    "probabilities": "hold numbers between 0 and 1: what is above 0.5 was taken as lesion",
    "dim": "are not black, but nothing in them is above the middle of their range, so they count as empty",
    "colours": "are of two colours: the brighter was taken as lesion",
    "alpha": "are transparent: what is opaque was taken as lesion",
    "label": "are label maps: the label asked for was taken as lesion",
}
BORDER = "cover most of the picture's border: large lesions, or black is the lesion in them"  # of `Mask.on_border`
_NUMPY = b"\x93NUMPY"
_MOST_LABEL = 32  # numbers up to here, and more than two of them, are labels rather than greys
_NOISE = 24  # levels of 255 by which lossy coding moves a value
_LUMA = np.array([0.299, 0.587, 0.114])
_ASK = "a label map, not a mask; write the lesion as 255 and all else as 0"


@dataclass(frozen=True)
class Mask:
    """pixels: bool (height, width), True is lesion. kind: "" for black and white, else a key of `KINDS`.

    value: the number that was taken as lesion, where it could be a label: a small one, the only one beside 0. Masks of
    one folder whose values differ are label maps.
    """

    pixels: np.ndarray
    kind: str = ""
    value: int | None = None

    @property
    def on_border(self) -> bool:
        """Whether most of the picture's border is lesion: a large lesion, or a mask in which black is the lesion."""
        edges = (self.pixels[0], self.pixels[-1], self.pixels[1:-1, 0], self.pixels[1:-1, -1])
        return bool(np.concatenate(edges).mean() > 0.5)


def read_mask(source: bytes | Path | str, name: str = "", *, label: int | None = None) -> Mask:
    """The mask in a file, upright, from its bytes or its path. label: of a label map, the one that is the lesion.

    Raises BadImage for a file that can't be read, and for values that would have to be guessed at.
    """
    data, name = (source, name) if isinstance(source, bytes) else (read_bytes(source), name or str(source))
    try:
        if data.startswith(_NUMPY):
            return mask_of(_numpy(data), label=label)
        opened = open_header(data, name, numbers=True)
        _check_one(opened)
        with BUDGET.hold(len(data) + 2 * opened.cost().memory):
            if opened.frame:
                if opened.frame.components == 4:
                    raise Unsupported("a CMYK picture, not a mask")
                colours = "GRAY" if opened.frame.components == 1 else "RGB"
                mask = mask_of(jpeg_pixels(data, name, opened.frame, 1, colours), label=label, lossy=True)
            else:
                mask = _of_pillow(data, name, opened, label)
    except SeveralLabels as error:
        raise LabelMap(name, str(error)) from None
    except Unsupported as error:
        raise BadImage(name, str(error)) from None
    return replace(mask, pixels=upright(mask.pixels, opened.header.orientation))


def _check_one(opened: Opened) -> None:
    """Raise Unsupported for a file that holds several masks, or channels of which nothing says what they are."""
    if opened.header.frames > 1:
        raise Unsupported("several pages or frames: which is the mask isn't said; save that one alone")
    page: Any = opened.image
    if not opened.alpha_known or (opened.header.format == "TIFF" and tiff.has_unnamed(page)):
        raise Unsupported("a channel beside the picture's own, and nothing says what it is; save the mask alone")


def mask_of(values: np.ndarray, *, label: int | None = None, lossy: bool = False) -> Mask:
    """A mask of numbers: bool, integer or float, (height, width) or with a third dimension of 1 or of 3 colours.

    lossy: the numbers come from a coding that moves them a little, as JPEG does. Raises Unsupported.
    """
    values = np.asarray(values)
    if values.ndim == 3 and 1 in (values.shape[0], values.shape[2]):
        values = values[0] if values.shape[0] == 1 else values[..., 0]
    if values.ndim == 3 and values.shape[2] == 3 and values.dtype == np.uint8:
        return _of_colours(values, label, lossy)
    if values.ndim != 2 or not values.size or values.dtype.kind not in "buif":
        raise Unsupported(f"{values.dtype} of shape {values.shape}; expected two dimensions of numbers")
    if values.dtype == np.bool_:
        return Mask(values, "") if label is None else _labelled(values.astype(np.uint8), label)
    if values.dtype.kind == "f":
        return _of_floats(values, label, lossy)
    if label is not None:
        return _labelled(values, label)
    return _of_integers(values, lossy)


def fitted(mask: Mask, width: int, height: int) -> Mask:
    """A mask at the size of its picture, scaled by nearest neighbour if it has the same proportions, to a pixel.

    Raises Unsupported for other proportions, as a turned mask has.
    """
    own_height, own_width = mask.pixels.shape
    if (own_width, own_height) == (width, height):
        return mask
    words = f"{own_width} x {own_height} pixels for {width} x {height}"
    if (own_width, own_height) == (height, width):
        raise Unsupported(f"{words}: it is turned by 90 degrees. Turn it back")
    scale = max(width / own_width, height / own_height)
    if abs(own_width * scale - width) >= 1.5 or abs(own_height * scale - height) >= 1.5:
        raise Unsupported(f"{words}, of other proportions. Make it of the picture's size")
    rows = (np.arange(height) * own_height) // height
    columns = (np.arange(width) * own_width) // width
    return replace(mask, pixels=mask.pixels[np.ix_(rows, columns)])


def _of_floats(values: np.ndarray, label: int | None, lossy: bool) -> Mask:
    if not np.isfinite(values).all():
        raise Unsupported("not a number, or infinite, in some pixels; expected 0 and 1, or probabilities")
    least, most = float(values.min()), float(values.max())
    if least >= 0 and most <= 1:
        whole = bool(np.isin(values, (0, 1)).all())
        if label is not None and whole:
            return _labelled(values.astype(np.uint8), label)
        above = values > 0.5
        if whole:
            return Mask(above, "0/1" if above.any() else "")
        return Mask(above, "probabilities" if above.any() else "dim")
    if least >= 0 and most < 2**32 and (values == np.floor(values)).all():
        return mask_of(values.astype(np.uint32), label=label, lossy=lossy)
    if least >= 0 and most <= 255 and label is None:
        return Mask(values > 128, "grey" if most > 128 else "dim")
    raise Unsupported(f"numbers from {least:.3g} to {most:.3g}; expected 0 and 1, or probabilities")


def _labelled(values: np.ndarray, label: int) -> Mask:
    return Mask(values == label, "label")


def _of_integers(values: np.ndarray, lossy: bool) -> Mask:
    found = _distinct(values)
    least, most = int(found[0]), int(found[-1])
    if least < 0:
        raise Unsupported(f"numbers from {least} to {most}; expected none below 0")
    top = 255 if most <= 255 else 65535 if most <= 65535 else 2**32 - 1
    middle = 128 * (top // 255)
    value = most if 0 < most <= _MOST_LABEL else None
    if len(found) == 1 and most in (0, 1, top):
        return Mask(values == most if most else np.zeros(values.shape, bool), "0/1" if most == 1 else "", value)
    if len(found) == 2 and least == 0 and (not lossy or most == top):
        return Mask(values == most, "" if most == top else "0/1" if most == 1 else "two values", value)
    if lossy:
        if most > middle:
            return Mask(values > middle, "grey")
        if most <= _NOISE:
            return Mask(np.zeros(values.shape, bool))
        raise Unsupported(f"greys from {least} to {most} in a lossy file: neither black and white nor probabilities")
    if len(found) == 2 and not least <= middle < most:
        raise Unsupported(f"two values, {least} and {most}, on one side of the middle: which is the lesion isn't said")
    if len(found) == 1 and most <= _MOST_LABEL:
        raise Unsupported(f"one value, {most}: nothing says whether it is lesion; write it as 0 and 255")
    if len(found) > 2 and _are_labels(found, top):
        some = ", ".join(map(str, found[:6])) + (", ..." if len(found) > 6 else "")
        raise SeveralLabels(f"{len(found)} values ({some}): {_ASK}")
    return Mask(values > middle, "grey" if most > middle else "dim")


def _are_labels(found: np.ndarray, top: int) -> bool:
    """Small numbers, as label maps hold them, and perhaps the largest for what counts as nothing."""
    return bool((found[found != top] <= _MOST_LABEL).all())


def _distinct(values: np.ndarray) -> np.ndarray:
    if values.dtype in (np.uint8, np.uint16):
        return np.flatnonzero(np.bincount(values.reshape(-1)))
    return np.unique(values)


def _of_colours(values: np.ndarray, label: int | None, lossy: bool) -> Mask:
    """uint8 (height, width, 3)."""
    spread = int((values.max(2) - values.min(2)).max())
    if spread == 0:
        return mask_of(np.ascontiguousarray(values[..., 0]), label=label, lossy=lossy)
    if label is not None:
        raise Unsupported("colours, where a label map has numbers; write it as numbers")
    if lossy and spread <= 2 * _NOISE:
        return _of_integers(np.rint(values @ _LUMA).astype(np.uint8), lossy)
    one = values[0, 0]
    other_at = (values != one).any(2)
    if not other_at.any():
        raise Unsupported("one colour: nothing says whether it is lesion; write it as 0 and 255")
    other = values[other_at][0]
    if (values[other_at] == other).all():
        return _brighter(other_at, one, other)
    channel = int(np.argmax(values.max((0, 1)).astype(int) - values.min((0, 1))))
    main = values[..., channel].astype(np.int16)
    low, high = int(main.min()), int(main.max())
    above = main > (low + high) / 2
    within = np.abs(main - (low + high) / 2) < (high - low) / 4
    groups = (values[above], values[~above])
    if within.mean() > 0.05 or any(group.std(0).max() > _NOISE for group in groups):
        raise Unsupported("a picture of many colours, not a mask")
    return _brighter(above, groups[1].mean(0), groups[0].mean(0))


def _brighter(there: np.ndarray, one: np.ndarray, other: np.ndarray) -> Mask:
    """there: where the colour `other` is."""
    difference = float((other.astype(float) - one) @ _LUMA)
    if abs(difference) < 1:
        raise Unsupported("two colours that are equally bright: which is the lesion isn't said; write it as 0 and 255")
    return Mask(there if difference > 0 else ~there, "colours")


def _of_pillow(data: bytes, name: str, opened: Opened, label: int | None) -> Mask:
    image = opened.image or pillow(data, name, opened.header.format)
    try:
        image.load()
        if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or (
            "transparency" in image.info and image.mode in ("1", "L", "P", "RGB")
        ):
            return _of_transparent(image, opened, label)
        return _of_opaque(image, opened, label)
    except Unsupported:
        raise
    except MemoryError:
        raise BadImage(name, "larger than memory allows") from None
    except Exception as error:  # Pillow's decoders raise many kinds of error on damaged files
        raise BadImage(name, f"mask truncated or damaged ({brief(error)})") from None


def _of_transparent(image: PilImage, opened: Opened, label: int | None) -> Mask:
    """The lesion is in the colours, in the alpha channel, or in both alike."""
    layers = image.convert("RGBA")
    alpha = np.asarray(layers.getchannel("A"))
    plain = image.copy()
    plain.info.pop("transparency", None)
    if image.mode != "P" or label is None:
        plain = layers.convert("RGB")
    if alpha.min() == alpha.max() or label is not None:
        return _of_opaque(plain, opened, label)
    by_alpha = replace(mask_of(alpha, lossy=opened.lossy), kind="alpha")
    colours = np.asarray(plain)
    if (colours == colours[0, 0]).all():
        return by_alpha
    try:
        by_colour = mask_of(colours, lossy=opened.lossy)
    except Unsupported:
        return by_alpha
    if not np.array_equal(by_alpha.pixels, by_colour.pixels):
        raise Unsupported("its colours and its transparency say different things; write it as 0 and 255")
    return by_colour


def _of_opaque(image: PilImage, opened: Opened, label: int | None) -> Mask:
    mode, lossy = image.mode, opened.lossy
    if mode == "P":
        return _of_palette(image, label)
    if mode in ("RGB", "RGBX", "YCbCr"):
        return mask_of(np.asarray(image.convert("RGB")), label=label, lossy=lossy or mode == "YCbCr")
    if mode not in ("1", "L", "I", "F") and not mode.startswith("I;16"):
        raise Unsupported(f'pixels of mode "{mode}" are not those of a mask; write it as 0 and 255')
    values = np.asarray(image)
    if opened.header.format == "TIFF":
        page: Any = image
        if mode.startswith("I;16") and tiff.white_is_zero(page):
            values = tiff.most(page) - values
        elif mode == "I" and tiff.most(page) == 2**32 - 1 and not tiff.signed(page):
            values = values.view(np.uint32)
    return mask_of(values, label=label, lossy=lossy)


def _of_palette(image: PilImage, label: int | None) -> Mask:
    indices = np.asarray(image)
    if label is not None:
        return _labelled(indices, label)
    palette = np.zeros((256, 3), np.uint8)
    given = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)[:256]
    palette[: len(given)] = given
    used = palette[_distinct(indices)]
    if (used.max(1) == used.min(1)).all():
        return mask_of(palette[:, 0][indices])
    if len(np.unique(used, axis=0)) <= 2:
        return mask_of(palette[indices])
    raise SeveralLabels(f"a palette of {len(used)} colours: {_ASK}")


def _numpy(data: bytes) -> np.ndarray:
    """The array of an .npy file; never a pickle."""
    from numpy.lib import format as npy

    file = io.BytesIO(data)
    try:
        version = npy.read_magic(file)
        shape, fortran, dtype = (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(file)
        if dtype.hasobject or dtype.names:
            raise ValueError("its elements are no numbers")
        if math.prod(shape) > 4 * MAX_PIXELS:
            raise Unsupported(f"an array of shape {shape}; at most {MAX_PIXELS / 1e6:.0f} million pixels are read")
        array = np.frombuffer(data, dtype, math.prod(shape), file.tell())
    except Unsupported:
        raise
    except Exception as error:  # numpy's parser raises many kinds of error on damaged headers
        raise Unsupported(f"not a readable .npy file ({brief(error)})") from None
    return array.reshape(shape, order="F" if fortran else "C")
