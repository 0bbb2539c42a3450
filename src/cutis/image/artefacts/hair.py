"""Dark hairs."""

from __future__ import annotations

import cv2
import numpy as np

from cutis.image.artefacts.artefact import Artefact
from cutis.image.lines import Lines
from cutis.image.ticks import ENOUGH
from cutis.image.working import SIDE, Working

THRESHOLD = 0.12
_SPAN = 18.0  # pixels: as long as this at least
_ELONGATED = 5.5  # length to breadth: a short hair is straight
_INSIDE = 7.0  # the same within the lesion, whose own lines are shorter
_TICK = 32.0  # pixels: what is shorter may be a ruler's tick
_CURLED, _SLIM = 50.0, 14.0  # or: as long as this, and this many times as long as thick, however it bends


def hair(image: np.ndarray | Working, threshold: float = THRESHOLD) -> Artefact:
    """Summed length of dark hairs, in lengths of the image's longer side.

    Lines in the red channel (`cutis.image.lines`, after DullRazor) that are long for their breadth. White hairs and
    stubble aren't seen. This threshold and the shapes were chosen on tests/image/artefacts_by_eye_tuning.csv, 60
    HAM10000 images looked at for it; measured on 140 others (benchmarks/artefacts.py).
    """
    view = Working.of(image)
    faint, bold = view.lines, view.bold_lines
    hairs = _hairs(faint, view)
    mask, length = faint.mask(hairs), float(faint.span[hairs].sum())
    # Where the faint parts of a lesion tie hairs together, their dark parts alone still are lines.
    more = _hairs(bold, view)
    if more.any():
        seen = np.bincount(bold.line, mask.ravel()[bold.pixel] > 0, len(more)) > 0.5 * np.bincount(bold.line)
        more &= ~seen
        mask, length = cv2.bitwise_or(mask, bold.mask(more)), length + float(bold.span[more].sum())
    return Artefact(length / SIDE, threshold, cv2.dilate(mask, np.ones((3, 3), np.uint8)))


def _hairs(lines: Lines, view: Working) -> np.ndarray:
    """bool (n,): which lines are hairs."""
    there = (lines.y.astype(np.intp), lines.x.astype(np.intp))
    straight = lines.length >= lines.breadth * np.where(view.lesion[there] > 0, _INSIDE, _ELONGATED)
    curled = (lines.span >= _CURLED) & (lines.span >= _SLIM * lines.thick)
    hairs = (lines.span >= _SPAN) & (straight | curled)
    if (hairs & (lines.span < _TICK)).any():
        ticks, where = view.ticks
        if ticks >= ENOUGH:
            hairs &= (where[there] == 0) | (lines.span >= _TICK)
    return hairs
