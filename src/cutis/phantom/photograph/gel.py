"""Air bubbles in the gel between skin and dermoscope."""

from __future__ import annotations

import math

import cv2
import numpy as np

from cutis.phantom.layers import Layers
from cutis.phantom.parts import Camera
from cutis.phantom.view import Field, View

_FAINT = 0.2  # a pixel that a bubble covers less of isn't touched


def add_bubbles(view: View, camera: Camera, light: Field, layers: Layers) -> None:
    """Draw `camera.bubbles` bubbles, 0.1-0.9 mm in radius, into `light`, in place, and mark them "bubbles".

    The first bubbles of more are those of fewer. A bubble is a weak lens with a bright rim, dark at its very edge, and
    a reflex of the lamp (dim under crossed filters). They gather in one place.
    """
    if camera.bubbles == 0:
        return
    rng = np.random.default_rng((camera.photo_seed, 1))
    cluster = rng.uniform(0.1, 0.9, 2)
    mask = np.zeros(view.shape, bool)
    spark = 0.25 if camera.polarised else 0.8
    side = np.array([math.cos(camera.slope_angle), math.sin(camera.slope_angle)]) * 0.45
    for chance in rng.random((camera.bubbles, 6)):
        radius = 0.1 * 9 ** (chance[0] ** 1.6) / view.mm  # pixels
        near = cluster + 0.35 * (chance[1:3] + chance[3:5] - 1)
        place = near if chance[5] < 0.6 else chance[1:3]
        x, y = place * view.size - view.box[:2] - 0.5
        left, top = max(0, math.floor(x - radius)), max(0, math.floor(y - radius))
        right, bottom = min(view.width, math.ceil(x + radius) + 1), min(view.height, math.ceil(y + radius) + 1)
        if right <= left or bottom <= top:
            continue
        window = slice(top, bottom), slice(left, right)
        dx = (np.arange(left, right, dtype=np.float32) - np.float32(x))[None] / np.float32(radius)
        dy = (np.arange(top, bottom, dtype=np.float32) - np.float32(y))[:, None] / np.float32(radius)
        square = dx * dx + dy * dy
        far = np.sqrt(square)
        inside = ((1 - far) * np.float32(radius) + np.float32(0.5)).clip(0, 1)
        inside[inside < _FAINT] = 0
        pull = np.float32(radius) * (1 - np.float32(0.3) * (1 - square).clip(0, 1))
        seen = cv2.remap(
            light,
            np.float32(x) + dx * pull,
            np.float32(y) + dy * pull,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        rim = np.exp(-(((far - 0.84) / max(0.09, 0.5 / radius)) ** 2))
        edge = np.exp(-(((far - 1.0) / max(0.07, 0.4 / radius)) ** 2))
        reflex = np.exp(-((dx - side[0]) ** 2 + (dy - side[1]) ** 2) / 0.03)
        shown = seen * (0.92 - 0.35 * edge)[..., None] + (0.05 + 0.22 * rim + spark * reflex)[..., None]
        light[window] += inside[..., None] * (shown.astype(np.float32) - light[window])
        mask[window] |= inside > 0
    layers.mark("bubbles", view.part, mask)
