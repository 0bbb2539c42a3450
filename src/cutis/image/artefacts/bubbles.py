"""Bubbles and drops in gel or oil under the glass: bright thin rings, and small sharp glints."""

from __future__ import annotations

import cv2
import numpy as np

from cutis.image.artefacts.artefact import Artefact
from cutis.image.planes import at_least
from cutis.image.working import Working

THRESHOLD = 1.0
_ABOVE = 28  # grey levels brighter than within 5 pixels
_WHITE = 190  # of 255, in every channel
_GLINT = (2, 80)  # pixels in a glint
GLINTS = 6.0  # of them, or one ring, make a score of 1


def bubbles(image: np.ndarray | Working, threshold: float = THRESHOLD) -> Artefact:
    """Glints / 6 + rings, in the field of view.

    A white top-hat of the smallest channel keeps what is small and near white. Rings: thin connected parts that go
    round an empty middle, 6 to 60 pixels wide. Horn cysts are bright but yellow; scales and white hairs can be taken
    for glints. Threshold: a choice; too few pictures with bubbles were at hand to set it on.
    """
    view = Working.of(image)
    kernel = np.ones((9, 9), np.uint8)
    above = cv2.morphologyEx(view.least, cv2.MORPH_TOPHAT, kernel)
    bright = cv2.bitwise_and(at_least(above, _ABOVE), at_least(view.least, _WHITE))
    bright = cv2.bitwise_and(bright, view.field)
    if not cv2.countNonZero(bright):
        return Artefact(0.0, threshold, bright)
    _, labels, stats, centres = cv2.connectedComponentsWithStats(bright, connectivity=8, ltype=cv2.CV_16U)
    area, wide, high = (stats[:, c] for c in (cv2.CC_STAT_AREA, cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT))
    longer, shorter = np.maximum(wide, high), np.minimum(wide, high)
    glint = (area >= _GLINT[0]) & (area <= _GLINT[1]) & (longer <= 2.5 * shorter)
    ring = (shorter >= 6) & (longer <= 60) & (longer <= 1.8 * shorter) & (area < 0.5 * wide * high)
    y, x = np.rint(centres[:, 1]).astype(int), np.rint(centres[:, 0]).astype(int)
    ring &= labels[y.clip(0, labels.shape[0] - 1), x.clip(0, labels.shape[1] - 1)] == 0
    glint[0] = ring[0] = False
    mask = np.where(glint | ring, 255, 0).astype(np.uint8)[labels]
    return Artefact(float(glint.sum() / GLINTS + ring.sum()), threshold, mask)
