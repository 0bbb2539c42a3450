"""How asymmetric a lesion is, from the scene's data: its outline, its colour, and where its structures lie.

The lesion is laid out on a polar grid around the middle of its area. Mirroring at an axis turns the grid's angles
around, so every axis is compared exactly, without interpolation. Noise (mottle, frayed borders) doesn't count: an eye
looks past it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cutis.phantom.lesion.amounts import LOPSIDED, added
from cutis.phantom.lesion.edge import border
from cutis.phantom.parts import Lesion, Structure

_ANGLES, _RINGS = 24, 12  # an even number of angles: each axis then has its perpendicular
_OUTLINE, _COLOUR, _STRUCTURE = 0.15, 0.15, 0.2  # shares from which a lesion is asymmetric, see `asymmetry`
_BY_CHANCE = ("dots", "globules", "streaks")  # drawn in heaps when irregular: no axis mirrors them
_AROUND = np.arange(_ANGLES) * (2 * np.pi / _ANGLES)
_AXES = np.stack([np.cos(_AROUND), np.sin(_AROUND)])
_MIRROR = (np.arange(_ANGLES)[:, None] - np.arange(_ANGLES)) % _ANGLES  # axis, angle -> angle it is mirrored to
IRREGULAR = 0.5  # `Structure.irregularity` from which a structure is irregular, or atypical


class Asymmetry(NamedTuple):
    """For each of 24 axes, 7.5 degrees apart from angle 0 on: (24,) bool, whether the lesion is asymmetric over it."""

    outline: NDArray[np.bool_]
    colour: NDArray[np.bool_]
    structure: NDArray[np.bool_]


def asymmetry(lesion: Lesion) -> Asymmetry:
    """Over which axes through the middle of its area the lesion's outline, colour and structures are asymmetric.

    Outline: of the area that lesion and mirror image cover, more than 15 % is covered by one only. Where both lie:
    Colour: more than 15 % of the pigment moves (it is darker on one side and in blotches, gone in regression, doubled
    by a veil). Structure: one of them comes or goes on more than 20 % of the area; or dots, globules or streaks are
    irregular.
    """
    edge = border(lesion, _AROUND) / lesion.radius
    # the middle of the area of a figure r(t): the means of r^3 cos t and r^3 sin t, over 3/2 the mean of r^2
    square = edge * edge
    middle_x, middle_y = (_AXES @ (square * edge) / (1.5 * square.sum())).tolist()
    ring = (np.arange(_RINGS) + 0.5) / _RINGS * (edge.max() + math.hypot(middle_x, middle_y))
    x = middle_x + _AXES[0, :, None] * ring
    y = middle_y + _AXES[1, :, None] * ring
    far, angle = np.hypot(x, y), np.arctan2(y, x)
    inside = far < border(lesion, angle) / lesion.radius

    side = (x * math.cos(lesion.lopsided_angle) + y * math.sin(lesion.lopsided_angle)).clip(-1, 1)
    pigment = lesion.pigment * (1 + LOPSIDED * lesion.lopsided * side)
    wholes = []
    for one in sorted(lesion.structures, key=lambda s: s.kind != "blotch"):  # the rest changes what blotches add
        if one.strength <= 0:
            continue
        there = _reached(one, x, y, far)
        wholes.append(there)
        if one.kind == "blotch":
            pigment = pigment + there * (one.strength * added("blotch", lesion))
        elif one.kind == "regression":
            pigment = pigment * (1 - there * one.strength)
        elif one.kind == "blue_whitish_veil":
            pigment = pigment * (1 + there * one.strength)

    share = ring / (inside * ring).sum()  # of the lesion's area that a cell of each ring has
    both = inside & inside[_MIRROR]  # in the lesion and in its mirror image: the outline isn't colour or structure
    weights = both * share
    joint = weights.sum(axis=(1, 2))
    outline = 2 * (1 - joint) / (2 - joint) > _OUTLINE
    grids = np.stack([pigment, *wholes])  # (grids, angles, rings)
    moved = np.einsum("gxar,xar->gx", np.abs(grids[:, None] - grids[:, _MIRROR]), weights)
    colour = moved[0] > _COLOUR * 2 * np.einsum("xar,ar->x", weights, pigment)
    by_chance = any(s.kind in _BY_CHANCE and s.irregularity >= IRREGULAR and s.strength > 0 for s in lesion.structures)
    structure = (moved[1:] > _STRUCTURE * joint).any(axis=0) | by_chance
    return Asymmetry(outline, colour, structure)


def axes(asymmetric: NDArray[np.bool_]) -> int:
    """0, 1 or 2: over how many of two perpendicular axes, placed so that they are fewest (Stolz et al. 1994)."""
    return int(asymmetric.reshape(2, -1).sum(axis=0).min())


def _reached(
    one: Structure, x: NDArray[np.float64], y: NDArray[np.float64], far: NDArray[np.float64]
) -> NDArray[np.bool_]:
    there = np.hypot(x - one.x, y - one.y) < one.extent
    return there & (far > 0.7) if one.kind == "streaks" else there
