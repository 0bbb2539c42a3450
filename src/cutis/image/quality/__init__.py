"""Is the picture good enough? One file a measure; each takes an image and gives a `Score`."""

from __future__ import annotations

from collections.abc import Callable

from cutis.image.quality.blur import gradient, wavelet
from cutis.image.quality.colour_cast import colour_cast
from cutis.image.quality.exposure import headroom, light
from cutis.image.quality.framing import framing
from cutis.image.quality.glare import glare
from cutis.image.quality.resolution import resolution
from cutis.image.quality.score import Score
from cutis.image.quality.skin import skin

# In the order in which reasons are given: what makes the others meaningless comes first.
MEASURES: dict[str, Callable[..., Score]] = {
    "resolution": resolution,
    "skin": skin,
    "light": light,
    "headroom": headroom,
    "gradient": gradient,
    "wavelet": wavelet,
    "framing": framing,
    "glare": glare,
    "colour_cast": colour_cast,
}

__all__ = ["MEASURES", "Score", *MEASURES]
