"""What lies on the skin and isn't skin: hair, rulers, ink, colour patches, stickers.

A pixel of which an artefact covers less than `paint.FAINT` isn't touched by it at all: so the mask is exactly where the
picture changes, on any skin and under any light (a hair's shadow, under unpolarised light, isn't hair).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from cutis.phantom.artefacts.hair import hair
from cutis.phantom.artefacts.marks import colour_patch, ink, sticker
from cutis.phantom.artefacts.ruler import ruler
from cutis.phantom.artefacts.sampling import RATES, sample_artefact, sample_artefacts
from cutis.phantom.layers import Layers
from cutis.phantom.parts import Artefact
from cutis.phantom.view import Field, View
from cutis.phantom.vocabulary import ARTEFACTS

__all__ = ["RATES", "lay_artefacts", "sample_artefact", "sample_artefacts"]

_DRAWERS: dict[str, Callable[[View, Artefact, Field], NDArray[np.bool_]]] = {
    "hair": hair,
    "ruler": ruler,
    "ink": ink,
    "colour_patch": colour_patch,
    "sticker": sticker,
}
_HIDING = ("colour_patch", "sticker", "ruler")  # nothing of an earlier artefact is seen through these
_OPAQUE = 0.9


def lay_artefacts(view: View, artefacts: Iterable[Artefact], light: Field, layers: Layers) -> Field:
    """Lay `artefacts`, in order, on (H, W, 3) linear light, in place; each mask goes to `layers` under its kind.

    What an opaque one hides of earlier ones leaves their masks; the skin's and lesions' masks stay.
    """
    for artefact in artefacts:
        if artefact.strength <= 0 or artefact.count <= 0:
            continue
        mask = _DRAWERS[artefact.kind](view, artefact, light)
        if artefact.kind in _HIDING and artefact.strength >= _OPAQUE:
            for kind in ARTEFACTS:
                if kind in layers.masks:
                    layers.masks[kind][view.part] &= ~mask
        layers.mark(artefact.kind, view.part, mask)
    return light
