"""Is there enough light, and not too much?"""

from __future__ import annotations

import cv2
import numpy as np

from cutis.image.planes import at_least, percentile
from cutis.image.quality.score import Score
from cutis.image.working import Working

LIGHT = 28.0
HEADROOM = 0.95
_CLIPPED = 250  # of 255


def light(image: np.ndarray | Working, threshold: float = LIGHT) -> Score:
    """L* (0..100) that a tenth of the field of view reaches.

    The light parts are asked, not the average, so that dark skin in good light passes. Threshold: just under the
    darkest 0.2 % of the phantom's darkest tone (29.9); of real images, nearly all of light skin, 0.2 % are below 49
    (benchmarks/quality_thresholds.py). So a photograph of light skin may be very dark before this refuses it.
    """
    view = Working.of(image)
    value = percentile(view.lab_planes[0], 0.9, view.small_field) / 2.55
    return Score(
        value, threshold, "too dark", "Turn on more light or go to a window, and keep your own shadow off the spot."
    )


def headroom(image: np.ndarray | Working, threshold: float = HEADROOM) -> Score:
    """Share of pixels, 0..1, that are not burnt out (luma below 250 of 255).

    Threshold: a choice between two sets: none of 1,400 HAM10000 and 1.1 % of 700 ISIC 2017 images are below.
    """
    view = Working.of(image)
    burnt = at_least(view.grey, _CLIPPED)
    value = 1 - cv2.countNonZero(burnt) / burnt.size
    return Score(
        value, threshold, "too bright", "Turn the flash off, or step out of direct sun, and take it again.", burnt
    )
