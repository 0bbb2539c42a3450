"""Light and the dermoscope: its colour, its fall-off, the round field, and shine where filters aren't crossed.

All in linear light (IEC 61966-2-1), clipped to what an 8-bit sRGB picture can show.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cutis.image.colour import (
    adaptation,
    linear_rgb_to_xyz,
    linear_to_srgb,
    planckian_xy,
    srgb_to_linear,
    xy_to_xyz,
    xyz_to_linear_rgb,
)
from cutis.image.corruptions.base import Image

DAYLIGHT = 6504.0  # K: the black body nearest to D65, for which sRGB is
_EDGE = 0.012  # softness of the dark corner's edge, in half shorter sides
_ASIDE = 0.04  # how far its middle may lie from the picture's, likewise
_STEPS = 4095


def colour_temperature(image: Image, kelvin: float) -> Image:
    """Seen under a black body's light of `kelvin` by a camera balanced for daylight (Bradford); a grey keeps its Y."""
    return _through(image, _cast(kelvin))


@lru_cache(maxsize=32)
def _cast(kelvin: float) -> NDArray[np.float64]:
    matrix = adaptation(xy_to_xyz(planckian_xy(DAYLIGHT)), xy_to_xyz(planckian_xy(kelvin)))
    return np.asarray(xyz_to_linear_rgb(linear_rgb_to_xyz(np.eye(3)) @ matrix.T).T)


def white_balance(image: Image, stops: float, rng: np.random.Generator) -> Image:
    """Channel gains 2^g whose logarithms sum to 0 and lie `stops` apart, towards a hue drawn at random."""
    gains = np.cos(rng.uniform(0, 2 * math.pi) + np.array([0, 2, 4]) * math.pi / 3)
    return _through(image, np.diag(2 ** (stops * gains / np.ptp(gains))))


def vignette(image: Image, lost: float) -> Image:
    """The share `lost` of the light doesn't reach the corners, and of the way there as the square of the distance."""
    x, y = _places(image)
    square = (x * x + y * y) / np.float32(x[0, 0] ** 2 + y[0, 0] ** 2 or 1)
    return _shaded(image, 1 - np.float32(lost) * square)


def dark_corner(image: Image, radius: float, rng: np.random.Generator) -> Image:
    """A dermoscope's round field of `radius`, in half shorter sides: outside it is dark, its edge is soft, and its
    middle lies up to 4 % beside the picture's."""
    x, y = _places(image)
    aside = _ASIDE * np.sqrt(rng.random()) * np.exp(2j * math.pi * rng.random())
    far = cv2.sqrt((x - np.float32(aside.real)) ** 2 + (y - np.float32(aside.imag)) ** 2)
    soft = max(_EDGE, 0.8 / min(image.shape[:2]))
    passed = 1 / (1 + np.exp(((far - np.float32(radius)) / np.float32(soft)).clip(-30, 30)))
    return _shaded(image, np.float32(0.004) + np.float32(0.996) * passed)


def unpolarised(image: Image, mirrored: float, rng: np.random.Generator) -> Image:
    """As a dermoscope without crossed filters sees it: the surface mirrors the share `mirrored` of white light.

    Skin's own light loses that share; the mirrored light is an even veil, brighter where the surface leans towards the
    lamp (smooth relief, and the fine relief that the picture's own detail hints at), with glints at the steepest.
    """
    height, width = image.shape[:2]
    short = min(height, width)
    light = _light(image)
    form = _smooth(rng, height, width, 0.35) + np.float32(0.6) * _smooth(rng, height, width, 0.12)
    grain = _smooth(rng, height, width, 0.022)
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = luma - cv2.GaussianBlur(luma, (0, 0), max(0.6, 0.012 * short))
    detail = detail / np.float32(4 + 2 * detail.std())
    lean = np.float32(0.55) * form + np.float32(0.35) * grain + np.float32(0.12) * detail.clip(-1.5, 1.5)
    veil = (0.55 + 0.3 * lean).clip(0.15, 1.4)
    glint = cv2.GaussianBlur(((lean - 1.15) * 3).clip(0, 3), (0, 0), max(0.4, 0.005 * short))
    shine = np.float32(mirrored) * (veil + np.float32(1.3) * glint)
    light *= np.float32(1 - mirrored)
    light += shine[..., None]
    return _picture(light)


def _places(image: Image) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(height, width) x and y of the pixels from the middle, in half shorter sides."""
    height, width = image.shape[:2]
    half = min(height, width) / 2
    across = (np.arange(width, dtype=np.float32) + np.float32(0.5 - width / 2)) / np.float32(half)
    down = (np.arange(height, dtype=np.float32) + np.float32(0.5 - height / 2)) / np.float32(half)
    x, y = np.meshgrid(across, down)
    return x, y


def _smooth(rng: np.random.Generator, height: int, width: int, period: float) -> NDArray[np.float32]:
    """Smooth noise of deviation 1, its bumps `period` shorter sides apart; of the same shape at every size."""
    cells = max(2, round(1 / period)) + 3
    short = min(height, width)
    rows, columns = (math.ceil(cells * side / short) for side in (height, width))
    coarse = rng.standard_normal((rows, columns), np.float32)
    fine = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(fine / max(float(fine.std()), 0.2), np.float32)


def _through(image: Image, matrix: NDArray[np.float64]) -> Image:
    """The light of each pixel times a (3, 3) matrix."""
    return _picture(np.asarray(cv2.transform(_light(image), matrix.astype(np.float32)), np.float32))


def _shaded(image: Image, passed: NDArray[Any]) -> Image:
    return _picture(_light(image) * passed[..., None].astype(np.float32, copy=False))


def _light(image: Image) -> NDArray[np.float32]:
    return np.asarray(cv2.LUT(image, _linear_table()), np.float32)


def _picture(light: NDArray[np.float32]) -> Image:
    """sRGB of linear light, by a table fine enough that unchanged light gives the level it came from."""
    # The curve is steep in the dark, so the table runs over the square root of light.
    root = np.sqrt(light.clip(0, 1))
    return np.take(_level_table(), (root * np.float32(_STEPS) + np.float32(0.5)).astype(np.uint16))


@lru_cache(maxsize=1)
def _linear_table() -> NDArray[np.float32]:
    return srgb_to_linear(np.arange(256) / 255).astype(np.float32)


@lru_cache(maxsize=1)
def _level_table() -> NDArray[np.uint8]:
    return np.rint(255 * linear_to_srgb((np.arange(_STEPS + 1) / _STEPS) ** 2)).astype(np.uint8)
