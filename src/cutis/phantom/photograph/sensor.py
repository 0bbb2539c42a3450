"""The sensor: noise, sRGB's curve, 8 bits."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from cutis.image.colour import linear_to_srgb
from cutis.phantom.view import Field

_STEPS = 65535


def develop(light: Field, noise: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 sRGB of linear light, with noise of `noise` grey levels' deviation.

    Photon noise grows with the root of light, and sRGB's curve takes nearly that away: in grey levels it is even.
    """
    flat = light.reshape(len(light), -1)
    steps = cv2.addWeighted(flat, _STEPS, flat, 0, 0, dtype=cv2.CV_16U)  # clips to 0..1
    grey = np.take(_grey(), np.asarray(steps, np.uint16))
    if noise > 0:
        dice = np.frombuffer(rng.bytes(grey.size), np.uint8).reshape(grey.shape)
        grey += cv2.LUT(dice, _bell() * np.float32(noise))
    return np.asarray(cv2.convertScaleAbs(np.maximum(grey, 0, out=grey)).reshape(light.shape), np.uint8)


@cache
def _grey() -> Field:
    """Grey level 0..255 of linear light in steps of 1 / `_STEPS`."""
    return (255 * linear_to_srgb(np.arange(_STEPS + 1) / _STEPS)).astype(np.float32)


@cache
def _bell() -> Field:
    """256 equally likely values of a normal distribution, of deviation 1."""
    values = ndtri((np.arange(256) + 0.5) / 256)
    return np.asarray(values / values.std(), np.float32)
