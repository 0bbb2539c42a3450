"""The Monk Skin Tone scale: ten colours, and which of them a skin is nearest to.

Source: Ellis Monk, "The Monk Skin Tone Scale", 2019 (skintone.google); the colours are those of its published swatches.
Nearest by CIEDE2000, never through ITA: four of the ten lie above 55 degrees, and none between 11 and 50.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from cutis.image import colour

HEX = ("f6ede4", "f3e7db", "f7ead0", "eadaba", "d7bd96", "a07e56", "825c43", "604134", "3a312a", "292420")


@cache
def monk_rgb() -> np.ndarray:
    """uint8 (10, 3) sRGB of MST 1..10."""
    return np.array([list(bytes.fromhex(h)) for h in HEX], np.uint8)


@cache
def monk_lab() -> np.ndarray:
    """float64 (10, 3) CIELAB, D65, of MST 1..10."""
    return np.asarray(colour.linear_rgb_to_lab(colour.srgb_to_linear(monk_rgb() / 255)))


def nearest_monk(lab: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """(MST 1..10, its CIEDE2000 distance), each (...), of CIELAB colours (..., 3)."""
    distance = colour.delta_e_2000(np.asarray(lab, float)[..., None, :], monk_lab())
    best = np.argmin(distance, axis=-1)
    return best + 1, np.take_along_axis(distance, best[..., None], -1)[..., 0]
