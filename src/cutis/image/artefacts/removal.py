"""Artefacts painted over: what a detector found is filled in from what lies around it.

Telea, "An image inpainting technique based on the fast marching method", J. Graphics Tools 9, 2004.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from cutis.errors import CutisError, nearest
from cutis.image.artefacts.artefact import Artefact
from cutis.image.artefacts.hair import hair
from cutis.image.artefacts.ink import ink
from cutis.image.artefacts.ruler import ruler
from cutis.image.working import Working

REMOVABLE: dict[str, Callable[..., Artefact]] = {"hair": hair, "ruler": ruler, "ink": ink}
_MARGIN = 3  # pixels at working size by which a find is widened: its edges are blurred
_RADIUS = 3.0  # pixels that the filling looks at


def remove(image: np.ndarray, kinds: Sequence[str] = tuple(REMOVABLE)) -> np.ndarray:
    """The image without the artefacts of these kinds that are there; itself, the same array, where none is.

    image: uint8 (h, w, 3) sRGB. kinds: of `REMOVABLE`. What a detector doesn't see stays. Raises CutisError for an
    unknown kind and for anything but such an image.
    """
    unknown = next((k for k in kinds if k not in REMOVABLE), None)
    if unknown is not None:
        raise CutisError(f'artefact "{unknown}" can\'t be painted over: {nearest(unknown, REMOVABLE)}')
    view = Working(image)
    found = [each.mask for each in (REMOVABLE[k](view) for k in kinds) if each.present]
    if not found:
        return image
    mask = np.bitwise_or.reduce(found)
    mask = cv2.dilate(mask, np.ones((_MARGIN, _MARGIN), np.uint8))
    where = np.where(view.enlarge(mask), np.uint8(255), np.uint8(0))
    return np.asarray(cv2.inpaint(image, where, _RADIUS, cv2.INPAINT_TELEA))
