"""How much pigment lesions and their structures add: what the drawing lays down and the checklists count."""

from __future__ import annotations

import math

from cutis.phantom.parts import Lesion

LOPSIDED = 0.7  # a fully lopsided lesion has 1 - this of its pigment on the light side, 1 + this on the dark

# kind -> (always, share of the lesion's own pigment): melanin fraction added at strength 1
_ADDED = {
    "pigment_network": (0.03, 0.6),
    "negative_network": (0.03, 0.4),
    "dots": (0.12, 0.9),
    "globules": (0.07, 0.7),
    "streaks": (0.08, 0.9),
    "blotch": (0.14, 0.9),
}
PIGMENTED = tuple(_ADDED)


def added(kind: str, lesion: Lesion) -> float:
    """Melanin fraction that a structure of `kind` (of `PIGMENTED`) adds to `lesion` at strength 1 and full cover."""
    always, share = _ADDED[kind]
    return always + share * lesion.pigment


def pigment_range(lesion: Lesion) -> tuple[float, float]:
    """Melanin fraction added where it is light and where it is dark: on its sides, half way up and down its mottle."""
    spread = math.exp(0.5 * lesion.mottle)
    one_sided = LOPSIDED * lesion.lopsided
    return lesion.pigment * (1 - one_sided) / spread, lesion.pigment * (1 + one_sided) * spread
