"""Does the light tint the skin?"""

from __future__ import annotations

import cv2
import numpy as np

from cutis.image.quality.score import Score
from cutis.image.working import Working

THRESHOLD = -3.4
# Mean a*, b* of 2,500 real images and 600 phantoms of six tones, and their covariance's inverse root, as printed by
# benchmarks/quality_thresholds.py --fit.
_MEAN = np.array([19.07, 7.24])
_WHITEN = np.array([[0.108, -0.0461], [0.0, 0.1245]])


def colour_cast(image: np.ndarray | Working, threshold: float = THRESHOLD) -> Score:
    """How far the field's colour is from that of skin in good light: minus a Mahalanobis distance, in a*, b*.

    Threshold: 0.2 % of 2,000 HAM10000 and 500 ISIC 2017 images are below. It advises only: a
    cast can be corrected (`cutis.image.constancy`), and is-it-skin refuses the hopeless.
    """
    view = Working.of(image)
    mean = cv2.mean(view.lab, mask=view.small_field)
    off = _WHITEN @ (np.array(mean[1:3]) - 128 - _MEAN)
    return Score(
        -float(np.hypot(*off)), threshold, "", "The light is coloured: use daylight or a white lamp, and no filter."
    )
