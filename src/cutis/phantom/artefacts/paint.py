"""Drawing on the picture: places in image widths from its centre, coverage, and laying colour on light."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cutis.image.colour import srgb_to_linear
from cutis.phantom.layers import lay as mix
from cutis.phantom.view import FINE, Field, View

FAINT = 0.2  # coverage below this counts as none


def canvas_points(view: View, points: NDArray[np.float64]) -> NDArray[np.int32]:
    """(..., 2) places in image widths from the picture's centre -> pixels of `view.canvas()`, for OpenCV's shift=4."""
    left, top, *_ = view.box
    pixels = ((points + 0.5) * view.size - (left, top)) * FINE - 0.5
    return np.rint(pixels.clip(-4 * view.size, 8 * view.size) * 16).astype(np.int32)


def covered(view: View, canvas: NDArray[np.uint8]) -> Field:
    """A drawn canvas as coverage, 0 or `FAINT`..1, (H, W) float32."""
    return cv2.threshold(view.shrink(canvas), FAINT, 0, cv2.THRESH_TOZERO)[1]


def touched(cover: Field) -> tuple[NDArray[np.bool_], tuple[slice, slice]]:
    """Where `cover` is above 0, and the smallest window around it."""
    mask = cover > 0
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    return mask, (slice(top, top + height), slice(left, left + width))


def lay(light: Field, cover: Field, colour: tuple[int, int, int], opacity: float) -> NDArray[np.bool_]:
    """Mix sRGB `colour` into `light`, in place, as far as `cover` * `opacity` says; where that was."""
    red, green, blue = linear(colour).tolist()
    mix(light, cover * np.float32(opacity), (red, green, blue))
    return cover > 0


def linear(colour: tuple[int, int, int]) -> Field:
    """sRGB 0..255 -> (3,) linear light 0..1."""
    return srgb_to_linear(np.array(colour, np.float32) / 255)
