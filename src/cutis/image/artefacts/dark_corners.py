"""The dark corners that a round field of view leaves."""

from __future__ import annotations

import cv2
import numpy as np

from cutis.image.artefacts.artefact import Artefact
from cutis.image.working import Working

THRESHOLD = 0.002


def dark_corners(image: np.ndarray | Working, threshold: float = THRESHOLD) -> Artefact:
    """Share of pixels that are dark surround: from a corner inwards, under 0.45 of the median grey.

    The work is `Working.surround`'s. Threshold: a choice, about a hundred pixels at working size.
    """
    view = Working.of(image)
    return Artefact(cv2.countNonZero(view.surround) / view.surround.size, threshold, view.surround)
