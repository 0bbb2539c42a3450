"""Blurs as ImageNet-C defines them (Hendrycks & Dietterich, arXiv 1903.12261), and defocus in pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cutis.image.corruptions.base import Image
from cutis.image.corruptions.noise import cut

_SHORT = 224  # pixels of the shorter side at which lengths are given
_SLACK = 0.002  # levels
_LEAST = 0.1  # pixels: a smaller circle of confusion changes no level


def defocus_blur(image: Image, radius: float, alias: float) -> Image:
    """The image through a disc of `radius` pixels, itself blurred by a Gaussian of `alias` pixels' deviation.

    In double precision and cut to whole levels: so it is ImageNet-C's to the bit.
    """
    seen = cv2.filter2D(image / 255.0, -1, _disc(radius, alias))
    return (np.clip(seen, 0, 1) * 255).astype(np.uint8)


@lru_cache(maxsize=32)
def _disc(radius: float, alias: float) -> NDArray[np.float32]:
    reach, kernel = (8, 3) if radius <= 8 else (math.ceil(radius), 5)
    line = np.arange(-reach, reach + 1)
    disc = (line[:, None] ** 2 + line**2 <= radius**2).astype(np.float32)
    disc /= disc.sum()
    return np.asarray(cv2.GaussianBlur(disc, (kernel, kernel), alias), np.float32)


def motion_blur(image: Image, radius: float, sigma: float, angle: float) -> Image:
    """The mean of the image's copies moved along a line towards `angle` (degrees), by one half of a Gaussian bell.

    The i-th of 2 * radius + 1 copies is i pixels away, rounded to whole ones, and weighs exp(-i^2 / (2 sigma^2)).
    Beyond the border is the border. It is what ImageMagick's motion blur does, which ImageNet-C uses: rounded
    to 16 bits, then cut to 8.
    """
    taps = 2 * math.ceil(radius) + 1
    weights = np.exp(-(np.arange(taps) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    along = np.arange(taps)
    turn = math.radians(angle)
    across, down = (np.ceil(along * step - 0.5).astype(int) for step in (math.cos(turn), math.sin(turn)))
    left, right, top, bottom = -across.min(), across.max(), -down.min(), down.max()
    height, width = image.shape[:2]
    wide = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_REPLICATE).astype(np.float32)
    total = np.full(image.shape, np.float32(0.5 / 257))
    for weight, x, y in zip(weights.tolist(), (across + left).tolist(), (down + top).tolist(), strict=True):
        cv2.scaleAdd(wide[y : y + height, x : x + width], weight, total, total)
    total *= 257
    return np.asarray(total.astype(np.uint16) // 257, np.uint8)


def zoom_blur(image: Image, factors: NDArray[np.float64]) -> Image:
    """The mean of the image and of its middle enlarged by each of `factors`, linearly interpolated; cut to levels.

    It is ImageNet-C's to the bit. OpenCV enlarges in single precision, within 0.0003 of a level; values that come as
    near as `_SLACK` to a whole level, where they are cut, are reckoned again as SciPy's zoom does.
    """
    height, width = image.shape[:2]
    still = (image / 255.0).astype(np.float32)
    total, larger = np.zeros_like(still), np.empty_like(still)
    unsure = np.zeros(still.shape, bool)
    for factor in factors.tolist():
        if factor == 1:
            cv2.add(total, still, total)
            continue
        rows, columns = _enlarging(height, factor), _enlarging(width, factor)
        matrix = np.array([(columns.step, 0, columns.start), (0, rows.step, rows.start)])
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cv2.warpAffine(still, matrix, (width, height), larger, how, cv2.BORDER_REPLICATE)
        cv2.add(total, larger, total)
        unsure[rows.empty], unsure[:, columns.empty] = True, True
    cv2.add(total, still, total)
    total *= np.float32(255 / (len(factors) + 1))
    unsure |= np.abs(total - np.rint(total)) < _SLACK
    made = cut(total)
    places = np.nonzero(unsure)
    made[places] = _zoomed_at(still, factors, places)
    return made


def _zoomed_at(still: NDArray[np.float32], factors: NDArray[np.float64], places: tuple[Any, ...]) -> NDArray[np.uint8]:
    """`zoom_blur` at (rows, columns, channels): in double precision, rounded to single after each factor."""
    height, width = still.shape[:2]
    row, column, channel = places
    flat, here = still.ravel(), still[places]
    total = np.zeros_like(here)
    for factor in factors.tolist():
        if factor == 1:
            total += here
            continue
        rows, columns = _enlarging(height, factor), _enlarging(width, factor)
        left, right = columns.one[column] * 3 + channel, columns.other[column] * 3 + channel
        value = np.zeros(len(here))
        for line, share in ((rows.one[row], rows.near[row]), (rows.other[row], rows.far[row])):
            begin = line * (3 * width)
            value += share * (flat[begin + left] * columns.near[column] + flat[begin + right] * columns.far[column])
        total += value.astype(np.float32)
    total += here
    total /= len(factors) + 1
    return np.asarray(np.clip(total, 0, 1) * 255, np.float32).astype(np.uint8)


@dataclass(frozen=True)
class _Lines:
    """Between which two lines, and how near to each, every line of an enlarged picture lies: the k-th at start + step *
    k. empty: lines that SciPy leaves 0, as rounding puts them beyond the last."""

    one: NDArray[Any]
    other: NDArray[Any]
    near: NDArray[np.float64]
    far: NDArray[np.float64]
    start: float
    step: float
    empty: NDArray[Any]


@lru_cache(maxsize=256)
def _enlarging(side: int, factor: float) -> _Lines:
    """The middle of `side` lines, `factor` times as large, corner to corner, cut to `side` of them."""
    kept = math.ceil(side / factor)
    before = (side - kept) // 2
    larger = ndimage.zoom(np.eye(kept), (factor, 1), order=1)  # each row: how much of which line
    trimmed = (len(larger) - side) // 2
    share = larger[trimmed : trimmed + side]
    one = (share != 0).argmax(1)
    other = np.minimum(one + 1, kept - 1)
    rows = np.arange(side)
    near, far = share[rows, one], np.where(other > one, share[rows, other], 0)
    step = (kept - 1) / max(len(larger) - 1, 1)
    return _Lines(one + before, other + before, near, far, before + trimmed * step, step, rows[near + far == 0])


def defocus(image: Image, radius: float) -> Image:
    """The image through a lens whose circle of confusion has `radius` pixels, where the shorter side has 224."""
    true = radius * min(image.shape[:2]) / _SHORT
    if true < _LEAST:
        return image.copy()
    return np.asarray(cv2.filter2D(image, -1, _circle(true), borderType=cv2.BORDER_REFLECT), np.uint8)


@lru_cache(maxsize=32)
def _circle(radius: float) -> NDArray[np.float32]:
    """The mean over a disc of any radius of the picture, linear between pixels, as a kernel (8 x 8 points a pixel)."""
    reach, fine = math.ceil(radius), 8
    line = (np.arange(-reach * fine, reach * fine) + 0.5) / fine
    inside = line[:, None] ** 2 + line**2 <= radius**2
    near = np.maximum(0, 1 - np.abs(np.arange(-reach, reach + 1)[:, None] - line))
    disc = near @ inside @ near.T
    return np.asarray(disc / disc.sum(), np.float32)
