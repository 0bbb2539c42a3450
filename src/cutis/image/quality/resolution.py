"""Are there enough pixels?"""

from __future__ import annotations

import numpy as np

from cutis.image.quality.score import Score
from cutis.image.working import Working

THRESHOLD = 100.0


def resolution(image: np.ndarray | Working, threshold: float = THRESHOLD) -> Score:
    """Pixels on the shorter side of the image as it came.

    Threshold: a choice, not a measurement: below 100 pixels a hair is thinner than a pixel even when the lesion fills
    the picture. The smallest public releases of whole photographs are larger (HAM10000's small copies have 150).
    """
    view = Working.of(image)
    advice = "The picture is too small: send the original photograph, not a screenshot or a preview."
    return Score(float(min(view.source_shape)), threshold, "too small", advice)
