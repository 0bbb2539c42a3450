"""How asymmetric a lesion is, from the scene's data: its outline, its colour, and where its structures lie.

The lesion is laid out on a polar grid around the middle of its area. Mirroring at an axis turns the grid's angles
around, so every axis is compared exactly, without interpolation. Noise (mottle, frayed borders) doesn't count: an eye
looks past it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cutis.phantom.lesion.amounts import LOPSIDED, added
from cutis.phantom.lesion.outline import border
from cutis.phantom.scene import Lesion, Structure

_ANGLES, _RINGS = 24, 12  # an even number of angles: each axis then has its perpendicular
_OUTLINE, _COLOUR, _STRUCTURE = 0.15, 0.15, 0.2  # shares from which a lesion is asymmetric, see `asymmetry`
_BY_CHANCE = ("dots", "globules", "streaks")  # drawn in heaps when irregular: no axis mirrors them
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
    around = np.arange(_ANGLES) * (2 * np.pi / _ANGLES)
    edge = border(lesion, around) / lesion.radius
    # the middle of the area of a figure r(t): the means of r^3 cos t and r^3 sin t, over 3/2 the mean of r^2
    third = edge**3 / (1.5 * np.mean(edge**2))
    middle_x, middle_y = float(np.mean(third * np.cos(around))), float(np.mean(third * np.sin(around)))
    ring = (np.arange(_RINGS) + 0.5) / _RINGS * (edge.max() + np.hypot(middle_x, middle_y))
    x = middle_x + np.cos(around)[:, None] * ring
    y = middle_y + np.sin(around)[:, None] * ring
    far, angle = np.hypot(x, y), np.arctan2(y, x)
    inside = far < border(lesion, angle) / lesion.radius

    side = (x * np.cos(lesion.lopsided_angle) + y * np.sin(lesion.lopsided_angle)).clip(-1, 1)
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
    joint = (both * share).sum(axis=(1, 2))
    outline = 2 * (1 - joint) / (2 - joint) > _OUTLINE
    total = (both * (pigment + pigment[_MIRROR]) * share).sum(axis=(1, 2))
    colour = _moved(pigment, both, share) > _COLOUR * total
    by_chance = any(s.kind in _BY_CHANCE and s.irregularity >= IRREGULAR and s.strength > 0 for s in lesion.structures)
    structure = np.full(_ANGLES, by_chance)
    for there in wholes:
        structure |= _moved(there, both, share) > _STRUCTURE * joint
    return Asymmetry(outline, colour, structure)


def axes(asymmetric: NDArray[np.bool_]) -> int:
    """0, 1 or 2: over how many of two perpendicular axes, placed so that they are fewest (Stolz et al. 1994)."""
    across = np.roll(asymmetric, _ANGLES // 2)
    return int((asymmetric.astype(int) + across).min())


def _reached(
    one: Structure, x: NDArray[np.float64], y: NDArray[np.float64], far: NDArray[np.float64]
) -> NDArray[np.bool_]:
    there = np.hypot(x - one.x, y - one.y) < one.extent
    return there & (far > 0.7) if one.kind == "streaks" else there


def _moved(
    grid: NDArray[np.bool_] | NDArray[np.float64], both: NDArray[np.bool_], share: NDArray[np.float64]
) -> NDArray[np.float64]:
    """For each axis: how much of `grid`, (angles, rings), differs from its mirror image within `both`."""
    values = grid.astype(float)
    moved: NDArray[np.float64] = ((np.abs(values - values[_MIRROR]) * both) @ share).sum(axis=1)
    return moved
