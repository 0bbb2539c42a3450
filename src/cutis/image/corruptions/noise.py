"""Noise as ImageNet-C defines it: Hendrycks & Dietterich, ICLR 2019 (arXiv 1903.12261), on values x = level / 255.

Each channel of each pixel draws its own. Results are clipped to 0..1 and cut, not rounded, to whole levels.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import pdtr

from cutis.image.corruptions.base import Image

MOST_PHOTONS = 250
_CELLS = 4096  # of the first, coarse draw of a photon count
_OPEN = 255  # a cell in which more than one count may lie


def gaussian(image: Image, deviation: float, rng: np.random.Generator) -> Image:
    """x + N(0, deviation)."""
    noisy = rng.standard_normal(image.shape, np.float32)
    noisy *= np.float32(255 * deviation)
    noisy += image
    return cut(noisy)


def speckle(image: Image, deviation: float, rng: np.random.Generator) -> Image:
    """x + x * N(0, deviation)."""
    noisy = rng.standard_normal(image.shape, np.float32)
    noisy *= np.float32(deviation)
    noisy += 1
    noisy *= image
    return cut(noisy)


def impulse(image: Image, share: float, rng: np.random.Generator) -> Image:
    """A `share` of the values become 0 or 255, either as often: salt and pepper."""
    dice = rng.random(image.shape, np.float32)
    noisy = image.copy()
    noisy[dice < share] = 255
    noisy[dice < share / 2] = 0
    return noisy


def shot(image: Image, photons: float, rng: np.random.Generator) -> Image:
    """Poisson(x * photons) / photons: photons are what white gives on average.

    A level has one distribution, so its quantiles are tabled: a coarse uniform number picks a cell, and only where more
    than one count lies in the cell is it refined. The distribution is the exact one.
    """
    cells, cumulative, grey = _counts(float(photons))
    coarse = rng.integers(0, _CELLS, image.size, np.uint16)
    level = image.ravel()
    count = cells.ravel()[level.astype(np.int32) * _CELLS + coarse]
    unsettled = np.flatnonzero(count == _OPEN)
    uniform = (coarse[unsettled] + rng.random(len(unsettled))) / _CELLS
    rows = level[unsettled].astype(np.int64)
    steps = np.searchsorted((cumulative + np.arange(256)[:, None]).ravel(), rows + uniform, side="right")
    count[unsettled] = (steps - rows * cumulative.shape[1]).clip(0, cumulative.shape[1] - 1)
    return np.asarray(grey[count].reshape(image.shape), np.uint8)


@lru_cache(maxsize=8)
def _counts(photons: float) -> tuple[NDArray[np.uint8], NDArray[np.float64], NDArray[np.uint8]]:
    """(256, cells) counts or _OPEN, the counts' cumulative probabilities (256, counts), and the level of each count.

    All counts that are white or whiter are the last one.
    """
    most = int(np.ceil(photons))
    counts = np.arange(most + 1)
    cumulative = np.asarray(pdtr(counts, np.arange(256)[:, None] / 255 * photons), np.float64)
    cumulative[:, -1] = 1
    edges = np.arange(_CELLS + 1) / _CELLS
    cells = np.empty((256, _CELLS), np.uint8)
    for level, row in enumerate(cumulative):
        lower = np.searchsorted(row, edges[:-1], side="right").clip(0, most)
        upper = np.searchsorted(row, edges[1:], side="left").clip(0, most)
        cells[level] = np.where(lower == upper, lower, _OPEN)
    grey = (np.clip(counts / photons, 0, 1) * 255).astype(np.uint8)
    return cells, cumulative, grey


def cut(levels: NDArray[np.float32]) -> Image:
    """Levels as uint8: clipped, and cut to whole ones. `levels` is changed."""
    return np.clip(levels, 0, 255, out=levels).astype(np.uint8)
