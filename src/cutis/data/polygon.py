"""COCO's polygons as pixels: a pixel belongs to a polygon if its centre lies in it, as in COCO's own tools."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def filled(corners: Sequence[float], height: int, width: int) -> np.ndarray:
    """The bool mask (height, width) of one polygon, x and y in turn, in pixels from the picture's upper left corner.

    Where it crosses itself, what is inside twice is outside. Raises ValueError for what is no polygon.
    """
    points = np.array([float(v) for v in corners])
    if len(points) % 2 or len(points) < 6 or not np.isfinite(points).all():
        raise ValueError("wrong number of coordinates, or one that is no number")
    points = points.reshape(-1, 2)
    crossed = np.zeros((height, width + 1), bool)  # where an edge passes, going right along a row's centre
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        first, last = (int(np.clip(np.ceil(y - 0.5), 0, height)) for y in sorted((y0, y1)))
        rows = np.arange(first, last)
        if len(rows):
            x = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
            crossed[rows, np.clip(np.ceil(x - 0.5), 0, width).astype(int)] ^= True
    return np.logical_xor.accumulate(crossed, axis=1)[:, :width]
