"""A lesion's nominal border, as functions of the angle: where it lies, how soft it is, how far noise may carry it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutis.phantom.parts import Lesion

Angles = NDArray[np.floating[Any]]
ANGLES = 4096  # of the tables over the angle
FRINGE = 0.16  # how far, in border widths, noise frays the border (times at most 2)
_ROUGH = (0.015, 0.1, 0.05)  # roughness in radii: at least, for each unit of bumps, at most
_CRISP = 0.16  # mm: no border of pigment ends more sharply


@dataclass(frozen=True, slots=True)
class Edge:
    """reach: mm from the centre to the nominal border at each of `ANGLES` angles from 0 on, (n,) float32. steep: how
    fast the cover falls there, 1/mm. rough: how far the border wanders, mm, and rough_most at most. streaks: how far
    streaks, if there were any, would pass the border, mm.
    """

    reach: NDArray[np.float32]
    steep: NDArray[np.float32]
    rough: float
    rough_most: float
    streaks: float

    def box(self, turn: float) -> tuple[float, float, float, float]:
        """(left, top, right, bottom), mm from the centre, of all that the lesion may change, turned by `turn`.

        The same whatever the structures, so that one more or less changes nothing else.
        """
        outer = np.maximum((0.5 + 2 * FRINGE) / self.steep[::16] + np.float32(self.rough_most), self.streaks)
        outer += self.reach[::16]
        angles = np.arange(0, ANGLES, 16) * (2 * np.pi / ANGLES) + turn
        x, y = outer * np.cos(angles), outer * np.sin(angles)
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def border(lesion: Lesion, angles: Angles) -> NDArray[np.float64]:
    """Distance in mm from the lesion's centre to its nominal border (half cover) at each of `angles`, radians."""
    orders, bumps = np.arange(1, len(lesion.bumps) + 1), np.array(lesion.bumps)
    waves = np.cos(angles[..., None] * orders + np.array(lesion.phases))
    return np.asarray(lesion.radius * (1 + waves @ bumps))


def softness(lesion: Lesion, angles: Angles) -> NDArray[np.float64]:
    """Width in mm of the border at each of `angles`: that of its sector, with short passages between sectors."""
    eighths = np.arange(8)[:, None] + (0.2, 0.8)
    return np.asarray(np.interp(angles, eighths.ravel() * (np.pi / 4), np.repeat(lesion.edges, 2), period=2 * np.pi))


def edge_of(lesion: Lesion, mm: float) -> Edge:
    """The edge of `lesion` in a picture of `mm` millimetres a pixel."""
    cosines, sines = _waves(len(lesion.bumps))
    bumps, phases = np.array(lesion.bumps, np.float32), np.array(lesion.phases, np.float32)
    even, odd = bumps * np.cos(phases), bumps * np.sin(phases)
    reach = np.float32(lesion.radius) * (1 + even @ cosines - odd @ sines)
    orders = np.arange(1, len(bumps) + 1, dtype=np.float32)
    slope = np.float32(-lesion.radius) * ((orders * even) @ sines + (orders * odd) @ cosines) / reach
    # at least about a pixel, so that the border is antialiased; never so wide that the middle isn't covered
    least = max(_CRISP, 1.2 * mm)
    width = (np.array(lesion.edges, np.float32) @ _sectors()).clip(least, max(1.2 * lesion.radius, least))
    plain, each, most = _ROUGH
    rough = lesion.radius * min(plain + each * sum(map(abs, lesion.bumps)), most)
    streaks = 1.9 * min(0.07 * lesion.radius, 0.3) + 0.35  # their ends, half of a bulb, and its blur
    steep = 1 / (width * np.sqrt(1 + slope * slope))
    return Edge(reach, np.asarray(steep, np.float32), rough, 2.5 * rough + 0.06, streaks)


@cache
def _waves(orders: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """cos kt and sin kt for k = 1..orders, (orders, ANGLES) each."""
    phase = np.arange(1, orders + 1)[:, None] * (np.arange(ANGLES) * (2 * math.pi / ANGLES))
    return np.cos(phase).astype(np.float32), np.sin(phase).astype(np.float32)


@cache
def _sectors() -> NDArray[np.float32]:
    """Share of each of the eight edges in the softness at each angle, (8, ANGLES)."""
    angles = np.arange(ANGLES) * (2 * math.pi / ANGLES)
    ones = [Lesion(diagnosis="nv", radius=1.0, edges=tuple(np.eye(8)[k])) for k in range(8)]
    return np.stack([softness(one, angles) for one in ones]).astype(np.float32)
