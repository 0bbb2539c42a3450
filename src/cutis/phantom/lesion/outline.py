"""A lesion's outline: where it ends, and how softly.

Cover runs from 1 inside to exactly 0 at the edge of the truth mask. It starts there with a step that adds about as
little pigment as can be seen, and a finite slope, so that "changed by the lesion" and "in the mask" are the same pixels
up to the picture's grey levels. The mask thus holds the whole fading border, as annotators outline lesions generously;
it is the same on all skins.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutis.phantom.lesion.amounts import LOPSIDED
from cutis.phantom.scene import Lesion
from cutis.phantom.view import Field, Ground

Angles = NDArray[np.floating[Any]]
_FAINT = 0.005  # melanin fraction: two or three grey levels on fair skin, about one on the darkest
_STEP = (0.015, 0.12)  # the cover at the mask's edge, however dark or pale the lesion
_ANGLES, _FINER = 1024, 4  # of the tables over the angle, powers of two; and how much finer they are looked up
_SHARES = np.arange(_ANGLES * _FINER) / _FINER
_FRINGE = 0.16  # how far, in border widths, noise frays the border
_ROUGH = (0.015, 0.1, 0.05)  # roughness in radii: at least, for each unit of bumps, at most
_CRISP = 0.16  # mm: no border of pigment ends more sharply


def border(lesion: Lesion, angles: Angles) -> NDArray[np.float64]:
    """Distance in mm from the lesion's centre to its nominal border (half cover) at each of `angles`, radians."""
    reach: NDArray[np.float64] = np.full(angles.shape, lesion.radius)
    for order, (bump, phase) in enumerate(zip(lesion.bumps, lesion.phases, strict=True), 1):
        reach += lesion.radius * bump * np.cos(order * angles + phase)
    return reach


def softness(lesion: Lesion, angles: Angles) -> NDArray[np.float64]:
    """Width in mm of the border at each of `angles`: that of its sector, with short passages between sectors."""
    eighths = np.arange(8)[:, None] + (0.2, 0.8)
    return np.asarray(np.interp(angles, eighths.ravel() * (np.pi / 4), np.repeat(lesion.edges, 2), period=2 * np.pi))


def outline(ground: Ground, rng: np.random.Generator) -> tuple[Field, NDArray[np.bool_]]:
    """(cover, mask) of the lesion: (h, w) float32 in 0..1, soft at the border, and (h, w) bool where it isn't 0.

    Across the border, as wide as `Lesion.edges` states, the cover rises slowly at first, as a little pigment already
    shows much; the nominal `border` is midway. Noise from `rng` frays and roughens it, more where it is soft and has
    bumps.
    """
    lesion = ground.lesion
    angles = np.arange(_ANGLES) * (2 * np.pi / _ANGLES)
    reach = border(lesion, angles)
    slope = (np.roll(reach, -1) - np.roll(reach, 1)) * (_ANGLES / (4 * np.pi)) / reach
    # at least about a pixel, so that the border is antialiased; never so wide that the middle isn't covered
    least = max(_CRISP, 1.2 * ground.mm)
    width = softness(lesion, angles).clip(least, max(1.2 * lesion.radius, least))
    steep = 1 / (width * np.sqrt(1 + slope**2))
    plain, each, most = _ROUGH
    rough = lesion.radius * min(plain + each * sum(map(abs, lesion.bumps)), most)

    index = (ground.angle * np.float32(_ANGLES * _FINER / (2 * np.pi))).astype(np.int32) & (_ANGLES * _FINER - 1)
    inside = _finer(reach).take(index)
    inside -= ground.distance * np.float32(lesion.radius)
    coarse, teeth = ground.noise(rng, 0.45 * lesion.radius), ground.noise(rng, 0.5)
    inside += np.float32(rough) * coarse.clip(-2, 2) + np.float32(0.02 + rough / 3) * teeth
    inside *= _finer(steep).take(index)
    fray = ground.noise(rng, max(0.35, float(np.mean(lesion.edges)))) + np.float32(0.6) * ground.noise(rng, 0.4)
    cover = _profile((inside + np.float32(0.5) + np.float32(_FRINGE) * fray.clip(-2, 2)).clip(0, 1))
    shown = lesion.pigment * lopsided(ground) + np.float32(lesion.redness + lesion.depth / 2)
    mask = cover > (np.float32(_FAINT) / (shown + np.float32(1e-6))).clip(*_STEP)
    cover *= mask
    return cover, mask


def lopsided(ground: Ground) -> Field:
    """How the lesion's pigment changes from side to side: a factor around 1, (h, w)."""
    lesion = ground.lesion
    cos, sin = math.cos(lesion.lopsided_angle), math.sin(lesion.lopsided_angle)
    side = (ground.u * np.float32(cos) + ground.v * np.float32(sin)).clip(-1, 1)
    side *= np.float32(LOPSIDED * lesion.lopsided)
    side += 1
    return side


def _profile(x: Field) -> Field:
    """Cover across the border, x from 0 at its outside to 1: rises all the way, with slope 0.35 at 0 and none at 1."""
    cover: Field = x * (x * (x * (np.float32(3.35) - np.float32(2.5) * x) - np.float32(0.2)) + np.float32(0.35))
    return cover


def _finer(table: NDArray[np.float64]) -> Field:
    """A table over the whole turn, interpolated."""
    return np.interp(_SHARES, np.arange(_ANGLES + 1), np.append(table, table[:1])).astype(np.float32)
