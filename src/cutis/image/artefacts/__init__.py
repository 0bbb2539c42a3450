"""What lies on the skin or the lens and isn't skin: one file a detector; each takes an image, gives an `Artefact`."""

from __future__ import annotations

from collections.abc import Callable

from cutis.image.artefacts.artefact import Artefact
from cutis.image.artefacts.bubbles import bubbles
from cutis.image.artefacts.colour_patch import colour_patch
from cutis.image.artefacts.dark_corners import dark_corners
from cutis.image.artefacts.hair import hair
from cutis.image.artefacts.ink import ink
from cutis.image.artefacts.ruler import ruler

DETECTORS: dict[str, Callable[..., Artefact]] = {
    "hair": hair,
    "ruler": ruler,
    "ink": ink,
    "dark_corners": dark_corners,
    "bubbles": bubbles,
    "colour_patch": colour_patch,
}

__all__ = [
    "DETECTORS", "Artefact", "bubbles", "colour_patch", "dark_corners", "hair", "ink", "ruler",
]  # fmt: skip
