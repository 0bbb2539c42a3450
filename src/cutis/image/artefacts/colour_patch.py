"""Stickers and colour charts beside the lesion: large even areas of a colour that skin hasn't."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from cutis.image.artefacts.artefact import Artefact
from cutis.image.working import Working

THRESHOLD = 0.008
_CHROMA, _BEYOND = 18.0, 25.0  # in a*, b*: from grey; from the picture's own skin
_YELLOW = 5.7  # b* to a* of a hue of 80 degrees: from -45 degrees to there are skin's and blood's hues
_BROAD = 6  # pixels of half the working size
_SOLID = 0.55  # share of its bounding box that a patch fills
_EVEN = 9.0  # standard deviation of a* and b* within it


def colour_patch(image: np.ndarray | Working, threshold: float = THRESHOLD) -> Artefact:
    """Share of pixels in the largest solid, even area that is green, blue, violet or bright yellow.

    Red, orange, black and white stickers aren't seen: blood, pigment, hair and glare have these colours too.
    Threshold: by looking at what was found in 500 ISIC 2017 images: of the 24 that score
    highest, 21 have a sticker, two ink, one a blue object.
    """
    view = Working.of(image)
    nothing = np.zeros(view.shape, np.uint8)
    _, a, b = view.lab_planes
    odd = _odd_hues()[a, b]
    if not odd.any():
        return Artefact(0.0, threshold, nothing)
    _, a0, b0 = view.skin_colour
    a, b = (plane.astype(np.float32) - 128 for plane in (a, b))
    odd &= (a - a0) ** 2 + (b - b0) ** 2 >= _BEYOND**2
    _, labels, stats, _ = cv2.connectedComponentsWithStats(odd.astype(np.uint8), connectivity=4)
    area, box = stats[:, cv2.CC_STAT_AREA], stats[:, cv2.CC_STAT_WIDTH] * stats[:, cv2.CC_STAT_HEIGHT]
    thin = np.minimum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) < _BROAD  # a pen's line
    best, found = 0.0, nothing
    for i in np.argsort(area[1:])[::-1][:4] + 1:
        share = float(area[i]) / odd.size
        here = labels == i
        if share <= best or area[i] < _SOLID * box[i] or thin[i] or max(a[here].std(), b[here].std()) > _EVEN:
            continue
        best = share
        found = view.spread(here.astype(np.uint8) * 255)
    return Artefact(best, threshold, found)


@cache
def _odd_hues() -> np.ndarray:
    """bool (256, 256): which pairs of 8-bit a* and b* are coloured as skin and blood are not."""
    a, b = np.ogrid[-128:128, -128:128]
    skin_hue = (b > -a) & (b < _YELLOW * a)
    odd: np.ndarray = ~skin_hue & (a * a + b * b >= _CHROMA**2)
    return odd
