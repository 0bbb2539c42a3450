"""A surgical marker's ink: blue, violet or green on skin that isn't."""

from __future__ import annotations

import cv2
import numpy as np

from cutis.image.artefacts.artefact import Artefact
from cutis.image.artefacts.colour_patch import colour_patch
from cutis.image.planes import at_least, at_most
from cutis.image.working import Working

THRESHOLD = 0.002
_BEYOND = 13  # in b* (blue, violet) or a* (green), against the picture's own skin
_PALE, _VIVID = 6, 18  # and against grey: outside the lesion, anywhere
_BLACK = 38  # L* of 255 below which a hue is noise
_LEAST = 3  # pixels of half the working size in a mark


def ink(image: np.ndarray | Working, threshold: float = THRESHOLD) -> Artefact:
    """Share of pixels in marks that are blue, violet or green, darker than the skin, and far from its colour.

    Hue: b* <= -|a*| (a violet as far as 315 degrees; blood, even magenta, is redder) or a* <= -|b*|. Pale marks count
    only outside the lesion, as a lesion may have a blue veil. What `colour_patch` finds is left out; black and grey
    ink, and blue dots that the small picture averages away, aren't seen. Threshold and limits were chosen by looking
    at what was found in 500 ISIC 2017 images.
    """
    view = Working.of(image)
    light0, a0, b0 = view.skin_colour
    light, a, b = view.lab_planes
    if cv2.minMaxLoc(b)[0] > 128 + min(b0 - _BEYOND, -_PALE) and cv2.minMaxLoc(a)[0] > 128 + min(a0 - _BEYOND, -_PALE):
        return Artefact(0.0, threshold, np.zeros(view.shape, np.uint8))  # most pictures
    inky = {}
    for least in (_PALE, _VIVID):
        blue = cv2.bitwise_and(
            at_most(b, 128 + min(b0 - _BEYOND, -least)),
            at_most(cv2.add(cv2.max(a, 255 - a), b, dtype=cv2.CV_16U), 255),
        )
        green = cv2.bitwise_and(
            at_most(a, 128 + min(a0 - _BEYOND, -least)),
            at_most(cv2.add(cv2.max(b, 255 - b), a, dtype=cv2.CV_16U), 255),
        )
        inky[least] = cv2.bitwise_or(blue, green)
    lesion = cv2.dilate(view.shrink(view.lesion), np.ones((3, 3), np.uint8))
    found = cv2.bitwise_or(inky[_VIVID], cv2.subtract(inky[_PALE], lesion))
    found = cv2.bitwise_and(found, at_most(light, light0 * 2.55))
    found = cv2.bitwise_and(found, view.small_field)
    found = cv2.bitwise_and(found, at_least(light, _BLACK))
    if cv2.countNonZero(found):  # a sticker's rim and creases are not ink
        sticker = colour_patch(view)
        if sticker.present:
            found = cv2.subtract(found, cv2.dilate(view.shrink(sticker.mask), np.ones((15, 15), np.uint8)))
    if not cv2.countNonZero(found):
        return Artefact(0.0, threshold, np.zeros(view.shape, np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(found, connectivity=8, ltype=cv2.CV_16U)
    area = stats[:, cv2.CC_STAT_AREA]
    kept = np.where(area >= _LEAST, 255, 0).astype(np.uint8)
    kept[0] = 0
    mask = kept[labels]
    return Artefact(cv2.countNonZero(mask) / mask.size, threshold, view.spread(mask))
