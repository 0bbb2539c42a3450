"""The lamp: exposure, colour cast, uneven light, vignette, and the round field of a dermoscope."""

from __future__ import annotations

import math

import cv2
import numpy as np

from cutis.phantom.layers import Layers
from cutis.phantom.scene import Camera
from cutis.phantom.view import Field, View
from cutis.phantom.vocabulary import ARTEFACTS

_NONE = 1.45  # an aperture from here on lies beyond the corners
_EDGE = 0.022  # softness of its edge, in half widths
_DARKEST = 0.006  # light that still gets there


def light_up(view: View, camera: Camera, light: Field, layers: Layers) -> Field:
    """(H, W, 3) `light` as the lamp falls on it. The mask "dark_corner" is where less than half of it passes."""
    red, green, blue = (math.exp(cast) for cast in (camera.warmth, -camera.tint, -camera.warmth))
    if not (camera.slope or camera.vignette or camera.aperture < _NONE):
        return light * np.array([red, green, blue], np.float32) * np.float32(camera.gain)
    left, top, *_ = view.box
    x = (np.arange(view.width, dtype=np.float32) + np.float32(left + 0.5)) * np.float32(2 / view.size) - 1
    y = ((np.arange(view.height, dtype=np.float32) + np.float32(top + 0.5)) * np.float32(2 / view.size) - 1)[:, None]
    square = x * x + y * y
    cos, sin = math.cos(camera.slope_angle) * camera.slope, math.sin(camera.slope_angle) * camera.slope
    lamp = np.float32(camera.gain) * (1 + np.float32(0.7 * cos) * x + np.float32(0.7 * sin) * y)
    half = square * np.float32(0.5)
    lamp *= 1 - np.float32(0.8 * camera.vignette) * half * cv2.sqrt(half)
    if camera.aperture < _NONE:
        far = cv2.sqrt(square)
        passed = 1 / (1 + cv2.exp(((far - np.float32(camera.aperture)) / np.float32(_EDGE)).clip(-30, 30)))
        lamp *= np.float32(_DARKEST) + np.float32(1 - _DARKEST) * passed
        _darken(view, far > camera.aperture, layers)
    return cv2.multiply(light, cv2.merge([lamp * np.float32(gain) for gain in (red, green, blue)]))


def _darken(view: View, dark: np.ndarray, layers: Layers) -> None:
    layers.mark("dark_corner", view.part, dark)
    for kind in (*ARTEFACTS, "glare", "bubbles"):
        if kind in layers.masks:
            layers.masks[kind][view.part] &= ~dark
