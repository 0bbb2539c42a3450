"""The lamp: exposure, colour cast, uneven light, vignette, and the round field of a dermoscope."""

from __future__ import annotations

import math

import cv2
import numpy as np

from cutis.phantom.layers import Layers
from cutis.phantom.parts import Camera
from cutis.phantom.view import Field, View
from cutis.phantom.vocabulary import ARTEFACTS

_NONE = 1.45  # an aperture from here on lies beyond the corners
_EDGE = 0.022  # softness of its edge, in half widths
_DARKEST = 0.006  # light that still gets there
_STEP = 4  # pixels: as often as uneven light is reckoned


def lamp(view: View, camera: Camera, layers: Layers) -> Field:
    """What the lamp, and the camera's exposure and cast, make of light, (H, W, 3): to be multiplied with.

    The mask "dark_corner" is where less than half of it passes.
    """
    step = _STEP if view.size >= 8 * _STEP else 1
    x, y = _places(view, step)
    half = (x * x + y * y) * np.float32(0.5)
    cos, sin = math.cos(camera.slope_angle) * camera.slope, math.sin(camera.slope_angle) * camera.slope
    even = np.float32(0.7 * cos) * x + (1 + np.float32(0.7 * sin) * y)
    even *= 1 - np.float32(0.8 * camera.vignette) * half * np.sqrt(half)
    gains = (camera.gain * math.exp(cast) for cast in (camera.warmth, -camera.tint, -camera.warmth))
    whole = view.enlarge(cv2.merge([even * np.float32(gain) for gain in gains]), step)
    if camera.aperture < _NONE:
        x, y = _places(view)
        far = np.sqrt(x * x + y * y)
        passed = 1 / (1 + cv2.exp(((far - np.float32(camera.aperture)) * np.float32(1 / _EDGE)).clip(-30, 30)))
        passed = np.float32(_DARKEST) + np.float32(1 - _DARKEST) * passed
        whole = cv2.multiply(whole, cv2.merge([passed, passed, passed]))
        _darken(view, far > camera.aperture, layers)
    return whole


def _places(view: View, step: int = 1) -> tuple[Field, Field]:
    """x and y of the lattice's points, in half widths from the picture's centre."""
    left, top, *_ = view.box
    columns, rows = view.pixels(step)
    half = np.float32(2 / view.size)
    return columns * half + np.float32((left + 0.5) * half - 1), rows * half + np.float32((top + 0.5) * half - 1)


def _darken(view: View, dark: np.ndarray, layers: Layers) -> None:
    layers.mark("dark_corner", view.part, dark)
    for kind in (*ARTEFACTS, "glare", "bubbles"):
        if kind in layers.masks:
            layers.masks[kind][view.part] &= ~dark
