"""A lesion's outline: where it ends, and how softly.

Cover runs from 1 inside to exactly 0 at the edge of the truth mask. It starts there with a step that adds about as
little pigment as can be seen, and a finite slope, so that "changed by the lesion" and "in the mask" are the same pixels
up to the picture's grey levels. The mask thus holds the whole fading border, as annotators outline lesions generously;
it is the same on all skins.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from cutis.phantom.lesion.amounts import LOPSIDED
from cutis.phantom.lesion.edge import ANGLES, FRINGE, border, softness
from cutis.phantom.view import Field, Ground

__all__ = ["border", "lattice", "lopsided", "outline", "softness"]
_FAINT = 0.005  # melanin fraction: two or three grey levels on fair skin, about one on the darkest
_STEP = (0.015, 0.12)  # the cover at the mask's edge, however dark or pale the lesion


def lattice(ground: Ground) -> int:
    """Step of the lattice that is fine enough for the lesion's form and its noise of 0.4 mm."""
    return ground.coarse(min(0.4, ground.lesion.radius / 4))


def outline(ground: Ground, rng: np.random.Generator) -> tuple[Field, NDArray[np.bool_]]:
    """(cover, mask) of the lesion: (h, w) float32 in 0..1, soft at the border, and (h, w) bool where it isn't 0.

    Across the border, as wide as `Lesion.edges` states, the cover rises slowly at first, as a little pigment already
    shows much; the nominal `border` is midway. Noise from `rng` frays and roughens it, more where it is soft and has
    bumps. How deep inside the border a pixel lies changes evenly, so it is reckoned on a lattice.
    """
    lesion, edge, step = ground.lesion, ground.edge, lattice(ground)
    rough, fray = ground.noises(
        rng,
        [
            (0.45 * lesion.radius, (edge.rough, 0.0)),
            (max(0.35, sum(lesion.edges) / 8), (0.0, FRINGE)),
            (0.5, (0.02 + edge.rough / 3, 0.0)),
            (0.4, (0.0, 0.6 * FRINGE)),
        ],
        step,
        step,
    )
    distance, angle = ground.polar(step)
    index = (angle * np.float32(ANGLES / (2 * np.pi))).astype(np.intp)
    inside = edge.reach.take(index, mode="wrap")
    inside -= distance * np.float32(lesion.radius)
    inside += np.clip(rough, -edge.rough_most, edge.rough_most)
    inside *= edge.steep.take(index, mode="wrap")
    inside += np.clip(fray, -2 * FRINGE, 2 * FRINGE)
    inside += np.float32(0.5)
    cover = _profile(np.clip(ground.enlarge(inside, step), 0, 1))
    mask = cover > _least(ground, step)
    cover *= mask
    return cover, mask


def lopsided(ground: Ground, step: int = 1) -> Field:
    """How the lesion's pigment changes from side to side: a factor around 1, on a lattice."""
    lesion = ground.lesion
    cos, sin = (f(lesion.lopsided_angle) / lesion.radius for f in (math.cos, math.sin))
    x, y = ground.places(step)
    side: Field = cv2.addWeighted(x, cos, y, sin, 0)
    np.clip(side, -1, 1, out=side)
    side *= np.float32(LOPSIDED * lesion.lopsided)
    side += 1
    return side


def _least(ground: Ground, step: int) -> Field | float:
    """The cover at the mask's edge: the paler the lesion, the more."""
    lesion = ground.lesion
    others = lesion.redness + lesion.depth / 2 + 1e-6
    if not lesion.lopsided:
        return min(max(_FAINT / (lesion.pigment + others), _STEP[0]), _STEP[1])
    shown = lopsided(ground, step) * np.float32(lesion.pigment) + np.float32(others)
    return ground.enlarge((np.float32(_FAINT) / shown).clip(*_STEP), step)


def _profile(x: Field) -> Field:
    """Cover across the border, x from 0 at its outside to 1: rises all the way, with slope 0.35 at 0 and none at 1."""
    cover: Field = x * np.float32(-2.5)
    for coefficient in (3.35, -0.2, 0.35):
        cover += np.float32(coefficient)
        cover *= x
    return cover
