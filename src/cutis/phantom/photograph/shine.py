"""Light from one side: it shades the skin's relief, and unless filters are crossed it shines on it."""

from __future__ import annotations

import math

import cv2
import numpy as np

from cutis.phantom.layers import Layers
from cutis.phantom.parts import Camera
from cutis.phantom.view import Field, View

_SHADING = {"clinical": 0.9, "dermoscopic": 0.25}  # contact and gel flatten the skin
_GLOSS = {"clinical": 0.8, "dermoscopic": 0.5}
_FAINT = 0.04  # shine below this is none


def add_shine(view: View, camera: Camera, light: Field, layers: Layers) -> None:
    """Shade `light` by the relief (clinical, or unpolarised) and add shine (unpolarised, `glare` above 0), in place.

    The lamp stands towards `slope_angle`. The mask "glare" is where shine was added.
    """
    if camera.polarised and camera.modality == "dermoscopic":
        return
    cos, sin = math.cos(camera.slope_angle), math.sin(camera.slope_angle)
    scale = 1 / (8 * view.mm)
    across = cv2.Sobel(layers.relief[view.part], cv2.CV_32F, 1, 0, ksize=3, scale=scale)
    down = cv2.Sobel(layers.relief[view.part], cv2.CV_32F, 0, 1, ksize=3, scale=scale)
    rise = across * np.float32(cos) + down * np.float32(sin)  # slopes that rise towards the lamp face away from it
    shade: Field = (1 - np.float32(_SHADING[camera.modality]) * rise).clip(0.35, 1.6)
    cv2.multiply(light, cv2.merge([shade, shade, shade]), light)
    if camera.polarised or camera.glare <= 0:
        return
    # A glossy surface mirrors the lamp where it leans by the right angle: skin's form and relief decide where that is.
    rng = np.random.default_rng((camera.photo_seed, 0))
    form = max(2.5, 0.2 * camera.field)  # mm
    off_x = across + np.float32(0.3) * view.noise(rng, form) + np.float32(0.3 * cos)
    off_y = down + np.float32(0.3) * view.noise(rng, form) + np.float32(0.3 * sin)
    mirror = cv2.exp((off_x * off_x + off_y * off_y) * np.float32(-1 / (2 * 0.11**2)))
    grain = view.noise(rng, max(0.2, 2.5 * view.mm))
    glint = (0.55 + 0.38 * grain).clip(0.08, 1.2) * np.float32(_GLOSS[camera.modality] * camera.glare)
    shine = cv2.threshold(mirror * glint, _FAINT, 0, cv2.THRESH_TOZERO)[1]
    light += cv2.merge([shine, shine, shine])
    layers.mark("glare", view.part, shine > 0)
