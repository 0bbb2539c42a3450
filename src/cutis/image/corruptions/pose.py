"""Another pose: closer, or turned. What lies outside the picture is its mirror image."""

from __future__ import annotations

import cv2
import numpy as np

from cutis.image.corruptions.base import Image


def zoom(image: Image, times: float) -> Image:
    """`times` as near: the middle, enlarged."""
    return _moved(image, 0.0, times)


def rotation(image: Image, degrees: float, rng: np.random.Generator) -> Image:
    """Turned about the middle, to the left or to the right by chance."""
    return _moved(image, degrees * (1 if rng.random() < 0.5 else -1), 1.0)


def _moved(image: Image, degrees: float, times: float) -> Image:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, times)
    # A line of pixels has no mirror image: OpenCV 5 looks for it for ever.
    border = cv2.BORDER_REFLECT_101 if min(height, width) > 1 else cv2.BORDER_REPLICATE
    moved = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=border)
    return np.asarray(moved, np.uint8)
