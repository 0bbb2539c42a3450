"""Does light mirror off the skin?"""

from __future__ import annotations

import cv2
import numpy as np

from cutis.image.planes import at_least, percentile
from cutis.image.quality.score import Score
from cutis.image.working import Working

THRESHOLD = 0.9
_WHITE = 225  # of 255, in every channel
_ABOVE = 40  # levels above the middle of the image


def glare(image: np.ndarray | Working, threshold: float = THRESHOLD) -> Score:
    """Share of pixels, 0..1, that are not mirrored light: white, and far whiter than the picture is in the median.

    Threshold: 0.2 % of 1,400 HAM10000 and 1.4 % of 700 ISIC 2017 images are below (benchmarks/quality_thresholds.py).
    """
    view = Working.of(image)
    limit = max(_WHITE, percentile(view.least, 0.5, view.field) + _ABOVE)
    shine = at_least(view.least, limit)
    value = 1 - cv2.countNonZero(shine) / shine.size
    advice = "Tilt the phone a little, or turn the flash off, so that the skin doesn't shine."
    return Score(value, threshold, "glare", advice, shine)
