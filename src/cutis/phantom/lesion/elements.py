"""Shapes of keratotic and vascular structures: heaps of unequal elements, ovals, winding lines."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cutis.phantom.parts import Structure
from cutis.phantom.view import FINE, Field, Ground

_CORNERS = 14  # of an oval's polygon


def smooth(values: Field, low: float, high: float) -> Field:
    """0 up to `low`, 1 from `high` on, a smooth step between; falling where low > high."""
    t = ((values - np.float32(low)) * np.float32(1 / (high - low))).clip(0, 1)
    step: Field = t * t * (3 - 2 * t)
    return step


def spread(ground: Ground, structure: Structure, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """(count, 2) places in mm: even when the structure is regular, by chance and in heaps when it is irregular."""
    even = 0.75 * (1 - structure.irregularity)
    points = ground.strew(rng, count, structure.x, structure.y, structure.extent, even)
    heaps = ground.strew(rng, 4, structure.x, structure.y, structure.extent * 0.75)
    pull = 0.9 * structure.irregularity * np.sqrt(rng.random((count, 1)))
    return points * (1 - pull) + heaps[rng.integers(0, 4, count)] * pull


def sizes(structure: Structure, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """(count,) diameters or widths in mm about the structure's own: nearly equal if regular, up to 1 : 4 if not."""
    return structure.size * np.exp((0.12 + 0.3 * structure.irregularity) * rng.standard_normal(count).clip(-2, 2))


def ovals(
    ground: Ground,
    rng: np.random.Generator,
    middles: NDArray[np.float64],
    across: NDArray[np.float64],
    *,
    ragged: float = 0.15,
    stretch: float = 0.25,
    shades: NDArray[np.float64] | None = None,
) -> Field:
    """Coverage 0..1 of ovals with (n, 2) middles and (n,) mean diameters, mm: (h, w), or (h, w, 3) for (n, 3) shades.

    ragged: how far their outlines swing. stretch: how oval. shades: how full each is, 0..1; all 1 if None.
    """
    count = len(middles)
    turn, two, three, five = rng.uniform(0, 2 * np.pi, (4, count, 1))
    t = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    swing = 1 + ragged * (0.6 * np.cos(2 * t + two) + 0.5 * np.cos(3 * t + three) + 0.25 * np.cos(5 * t + five))
    radii = across[:, None] / 2 * swing
    longer = 1 + stretch * np.cos(five)
    x, y = radii * np.cos(t) * longer, radii * np.sin(t) / longer
    around = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], axis=-1)
    outlines = ground.fixed((middles[:, None] + around).reshape(-1, 2)).reshape(count, _CORNERS, 2)
    fills = np.full(count, 255) if shades is None else np.rint(shades * 255).astype(int)
    canvas = ground.canvas()
    if fills.ndim == 2:
        canvas = np.zeros((*canvas.shape, fills.shape[1]), np.uint8)
    for outline, fill in zip(outlines, fills.tolist(), strict=True):
        cv2.fillPoly(canvas, [outline], fill, cv2.LINE_AA, 4)
    return ground.shrink(canvas)


def lines(ground: Ground, canvas: NDArray[np.uint8], paths: NDArray[np.float64], widths: NDArray[np.float64]) -> None:
    """Draw (n, points, 2) open paths, mm, onto the canvas, each as wide as (n,) `widths`, mm; paler under its pixel."""
    fixed = ground.fixed(paths.reshape(-1, 2)).reshape(paths.shape)
    wide = widths / ground.mm * FINE
    values = np.rint(255 * wide.clip(0.15, 1)).astype(int)
    for path, width, value in zip(fixed, wide.tolist(), values.tolist(), strict=True):
        cv2.polylines(canvas, [path], False, value, max(1, round(width)), cv2.LINE_AA, 4)


def wander(
    rng: np.random.Generator,
    starts: NDArray[np.float64],
    headings: NDArray[np.float64],
    lengths: NDArray[np.float64],
    *,
    corners: int,
    bend: float,
) -> NDArray[np.float64]:
    """(n, corners, 2) winding paths, mm, from (n, 2) starts towards (n,) headings, radians, (n,) lengths mm long.

    bend: standard deviation of the turn at each corner, radians. Turns persist, so that paths wind and don't jitter.
    """
    turns = rng.standard_normal((len(starts), corners - 1)) * bend
    turns[:, 1:] = 0.6 * (turns[:, 1:] + turns[:, :-1])
    way = headings[:, None] + np.cumsum(turns, axis=1)
    steps = np.stack([np.cos(way), np.sin(way)], axis=-1) * (lengths / (corners - 1))[:, None, None]
    return np.concatenate([starts[:, None], starts[:, None] + np.cumsum(steps, axis=1)], axis=1)
