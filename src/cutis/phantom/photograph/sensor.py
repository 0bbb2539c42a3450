"""The sensor: noise, sRGB's curve, 8 bits."""

from __future__ import annotations

from functools import cache, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from cutis.image.colour import linear_to_srgb
from cutis.phantom.view import Field

_STEPS = 65535
_GRAINS = 2**20 + 7  # of noise: not a multiple of any picture's rows


def develop(light: Field, gain: Field, noise: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 sRGB of linear light times `gain`, with noise of `noise` grey levels' deviation.

    Photon noise grows with the root of light, and sRGB's curve takes nearly that away: in grey levels it is even.
    """
    steps = cv2.multiply(light, gain, scale=_STEPS, dtype=cv2.CV_16U)  # clips to 0..1
    grey = _grey().take(np.asarray(steps, np.uint16).reshape(len(light), -1), mode="clip")
    if noise > 0:
        start, film = int(rng.integers(_GRAINS)), _grain(-(-grey.size // _GRAINS))
        grain = film[start : start + grey.size].reshape(grey.shape)
        developed = cv2.addWeighted(grey, 1, grain, noise, 0, dtype=cv2.CV_8U)
    else:
        developed = cv2.addWeighted(grey, 1, grey, 0, 0, dtype=cv2.CV_8U)
    return np.asarray(developed.reshape(light.shape), np.uint8)


@cache
def _grey() -> Field:
    """Grey level 0..255 of linear light in steps of 1 / `_STEPS`."""
    return (255 * linear_to_srgb(np.arange(_STEPS + 1) / _STEPS)).astype(np.float32)


@lru_cache(maxsize=4)
def _grain(rounds: int) -> Field:
    """`_GRAINS` normal values of deviation 1, again and again. Photographs choose where to begin."""
    return np.tile(np.random.default_rng(0).standard_normal(_GRAINS, np.float32), rounds + 1)
