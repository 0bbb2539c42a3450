"""From light on the skin to the camera's picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cutis.phantom.layers import Layers
from cutis.phantom.parts import Camera
from cutis.phantom.photograph.gel import add_bubbles
from cutis.phantom.photograph.lamp import lamp
from cutis.phantom.photograph.sampling import RATES, sample_camera
from cutis.phantom.photograph.sensor import develop
from cutis.phantom.photograph.shine import add_shine
from cutis.phantom.view import Field, View

__all__ = ["RATES", "photograph", "sample_camera"]


def photograph(view: View, camera: Camera, light: Field, layers: Layers) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 sRGB of `light`, (H, W, 3) linear, which may be changed.

    The masks "glare", "bubbles" and "dark_corner" go to `layers`; what lies in the dark leaves the masks of artefacts.
    """
    add_shine(view, camera, light, layers)
    add_bubbles(view, camera, light, layers)
    sensor = np.random.default_rng((camera.photo_seed, 2))
    return develop(view.soften(light, camera.blur), lamp(view, camera, layers), camera.noise, sensor)
