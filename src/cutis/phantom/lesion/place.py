"""Shapes that structures share: areas, nets, specks and strokes, as coverage 0..1 on the window of a lesion."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cutis.phantom.parts import Structure
from cutis.phantom.view import FINE, Field, Ground

_SEEN = 0.25  # coverage from which a structure's truth mask holds a pixel
_CORNERS = 12  # of a speck
_ROUND = np.column_stack([f(np.arange(_CORNERS) * 2 * np.pi / _CORNERS) for f in (np.cos, np.sin)])
MOST = 200  # elements drawn one by one


def visible(structure: Structure, shape: Field) -> NDArray[np.bool_]:
    """The truth mask of a structure that covers `shape`, 0..1: the same at every strength but 0, which has none."""
    return shape > _SEEN if structure.strength > 0 else np.zeros(shape.shape, bool)


def rise(x: Field) -> Field:
    """Smooth step: 0 up to -0.5, 1 from 0.5 on. Changes `x`."""
    x += np.float32(0.5)
    np.clip(x, 0, 1, out=x)
    x *= x * (3 - 2 * x)
    return x


def reach(ground: Ground, structure: Structure, soft: float = 0.25) -> Field:
    """1 where the structure reaches, 0 beyond `extent` from its centre, over `soft` radii."""
    step = ground.coarse(soft / 2 * ground.lesion.radius)
    inside = np.float32(structure.extent / soft + 0.25) - ground.far(structure.x, structure.y, step) * np.float32(
        1 / soft
    )
    return ground.enlarge(rise(inside), step)


def area(ground: Ground, rng: np.random.Generator, structure: Structure, soft: float = 0.4) -> Field:
    """A patch about `extent` radii in radius; `soft`: its border's width as a share of that; irregularity frays it."""
    extent = max(structure.extent, 0.02)
    mm = extent * ground.lesion.radius
    ragged = 0.12 + 0.3 * structure.irregularity
    step = ground.coarse(0.25 * mm)
    depth = ground.noises(rng, [(0.8 * mm, (ragged,)), (0.25 * mm, (0.5 * ragged,))], step)[0]
    depth = depth + 1 - ground.far(structure.x, structure.y, step) * np.float32(1 / extent)
    return ground.enlarge(rise(depth * np.float32(1 / soft)), step)


def net(
    ground: Ground, rng: np.random.Generator, period: float, irregularity: float, broad: float = 0.0
) -> tuple[Field, float]:
    """(lines, resolved): a honeycomb of lines around holes `period` mm apart; how far, 0..1, the picture resolves it.

    The sum of three plane waves at 120 degrees has its peaks on a triangular lattice, and its valleys are a honeycomb;
    noise in the waves' phases bends it. irregularity makes holes and lines uneven and lines broad; broad: widens all
    lines.
    """
    k = period * 3**0.5 / 2
    turn = rng.uniform(0, np.pi)
    bends = (7, 4.0), (2.2, 2.0 + 1.2 * irregularity)  # periods apart, radians
    step = ground.coarse(bends[1][0] * period)
    mix = [(apart * period, weights) for apart, amount in bends for weights in ((amount, 0.0), (0.0, amount))]
    one, two = ground.noises(rng, mix, step, step)
    one, two = one + ground.wave(turn, k, step), two + ground.wave(turn + 2 * np.pi / 3, k, step)
    # cos one + cos two + cos (one + two): -1.5 at the net's knots, -1 on its lines, 3 in the holes
    half = np.cos(ground.enlarge((one + two) * np.float32(0.5), step))
    field = np.cos(ground.enlarge((one - two) * np.float32(0.5), step))
    field += half
    field *= half
    amount = (0.6 + 0.4 * irregularity) / 2.3
    lines = ground.noises(rng, [(2.5 * period, (amount,)), (0.9 * period, (0.8 * amount,))])[0]
    level = (0.5 + broad + 0.35 * irregularity) / 2.3  # a half more: `field` is half of 1 + the sum
    lines = rise(cv2.addWeighted(lines, 1, field, -2 / 2.3, level))
    return lines, min(max((period / ground.mm - 2) / 1.5, 0), 1)


def how_many(ground: Ground, structure: Structure, spacing: float) -> int:
    """The structure's `count`; where it is 0, as many as fill its extent `spacing` mm apart. At most `MOST`."""
    reached = np.pi * (min(structure.extent, 1) * ground.lesion.radius) ** 2
    return min(structure.count or max(3, round(reached / spacing**2)), MOST)


def specks(
    ground: Ground, rng: np.random.Generator, middles: NDArray[np.float64], across: NDArray[np.float64], uneven: float
) -> Field:
    """Coverage of round (uneven 0) to ragged (1) specks: (n, 2) middles, (n,) diameters, mm; each has its darkness."""
    count = len(middles)
    wobble = 1 + (0.08 + 0.25 * uneven) * rng.standard_normal((count, _CORNERS))
    wobble = (wobble + np.roll(wobble, 1, axis=1)) / 2
    dark = np.rint(255 * (1 - (0.15 + 0.35 * uneven) * rng.random(count))).astype(int)
    outlines = middles[:, None] + _ROUND * (wobble * across[:, None] / 2)[..., None]
    corners = ground.fixed(outlines.reshape(-1, 2)).reshape(count, _CORNERS, 2)
    # what is smaller than a pixel of the canvas is drawn as one, and so must be paler
    pale = np.minimum(1, (across / (ground.mm / FINE)) ** 2)
    canvas = ground.canvas()
    for polygon, value in zip(corners, (dark * pale).astype(int).tolist(), strict=True):
        cv2.fillConvexPoly(canvas, polygon, value, cv2.LINE_AA, 4)
    return ground.shrink(canvas)


def strokes(
    ground: Ground, canvas: NDArray[np.uint8], paths: NDArray[np.float64], width: float, dark: float = 1.0
) -> None:
    """Draw (n, points, 2) open paths, mm, onto the canvas, `width` mm wide; paler where that is under its pixel."""
    fixed = ground.fixed(paths.reshape(-1, 2)).reshape(paths.shape)
    value = round(255 * dark * min(1, width / (ground.mm / FINE)))
    cv2.polylines(canvas, list(fixed), False, value, ground.thick(width), cv2.LINE_AA, 4)
