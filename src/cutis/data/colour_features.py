"""A few hundred numbers that say what an image looks like from afar: no training, no weights, a millisecond each.

Meant for finding labels that don't fit their image (`label_quality`), where weak but honest is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cutis.data.threads import ordered
from cutis.image.decode import BadImage, read_square
from cutis.progress import Progress, silent

SIDE = 48  # pixels the image is squeezed to
_GRID = 8  # cells a side of the thumbnail
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def colour_features(pixels: np.ndarray) -> np.ndarray:
    """float32 (219,) features of uint8 (48, 48, 3) RGB, in units of 0..1.

    An 8 x 8 thumbnail (192); five quantiles, deviation and mean edge strength of each channel (21); how mean and
    deviation differ between centre and border (6).
    """
    x = pixels.astype(np.float32) / 255
    cell = SIDE // _GRID
    thumbnail = x.reshape(_GRID, cell, _GRID, cell, 3).mean((1, 3))
    edges = np.abs(np.diff(x, axis=0)).mean((0, 1)) + np.abs(np.diff(x, axis=1)).mean((0, 1))
    quarter = SIDE // 4
    centre = x[quarter:-quarter, quarter:-quarter].reshape(-1, 3)
    rim = np.ones((SIDE, SIDE), bool)
    rim[quarter // 2 : -quarter // 2, quarter // 2 : -quarter // 2] = False
    border = x[rim]
    parts = (
        thumbnail,
        np.quantile(x, _QUANTILES, axis=(0, 1)),
        x.std((0, 1)),
        edges,
        centre.mean(0) - border.mean(0),
        centre.std(0) - border.std(0),
    )
    return np.concatenate([p.ravel() for p in parts]).astype(np.float32)


def read_features(files: Sequence[Path], progress: Progress[Any] = silent) -> tuple[np.ndarray, np.ndarray]:
    """(n, 219) float32 features of image files, 0 where one can't be read, and (n,) whether each could be read."""
    found = list(progress(ordered(_features, files), len(files), "look at colours"))
    read = np.array([f is not None for f in found], bool)
    empty = np.zeros(219, np.float32)
    return np.stack([empty if f is None else f for f in found]) if found else np.zeros((0, 219), np.float32), read


def _features(file: Path) -> np.ndarray | None:
    try:
        return colour_features(read_square(file, SIDE))
    except BadImage:
        return None
