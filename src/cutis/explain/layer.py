"""A map of sensitivity as a layer to lay over its picture."""

from __future__ import annotations

import cv2
import numpy as np

FULL = 1.0  # fall of the log-odds (to 37 % of the odds) that is shown at full strength
LONGER = 512  # pixels
_COLOUR = (0, 200, 255)  # RGB: a blue that skin and pigment don't have
_STRONGEST = 220  # of 255: the picture still shows through


def layer(fall: np.ndarray, width: int, height: int) -> bytes:
    """A PNG (RGBA) of the picture's aspect, its longer side 512 pixels: the stronger the fall, the less transparent.

    fall: float (size, size), by `cutis.explain.occlusion.sensitivity`. The scale is the same for every picture: where
    nothing matters much, nothing much is shown. width, height: of the picture.
    """
    scale = LONGER / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    share = np.clip(fall / FULL, 0, 1).astype(np.float32)
    alpha = np.rint(cv2.resize(share, size, interpolation=cv2.INTER_LINEAR) * _STRONGEST).astype(np.uint8)
    pixels = np.empty((*alpha.shape, 4), np.uint8)
    pixels[..., :3] = _COLOUR[::-1]  # OpenCV writes BGRA
    pixels[..., 3] = alpha
    return cv2.imencode(".png", pixels)[1].tobytes()
