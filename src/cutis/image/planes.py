"""Small steps on single planes, by OpenCV's vectorised functions; masks are uint8, 255 or 0."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np


def at_least(plane: np.ndarray, limit: float) -> np.ndarray:
    """A mask of where a plane is `limit` or more."""
    return np.asarray(cv2.compare(plane, limit, cv2.CMP_GE))  # type: ignore[call-overload]  # its stub knows no number


def at_most(plane: np.ndarray, limit: float) -> np.ndarray:
    """A mask of where a plane is `limit` or less."""
    return np.asarray(cv2.compare(plane, limit, cv2.CMP_LE))  # type: ignore[call-overload]


def percentile(plane: np.ndarray, share: float, mask: np.ndarray | None = None) -> float:
    """The value below which `share` of a uint8 plane lies, from the histogram of every second row; of no pixels: 0."""
    plane, mask = plane[::2], None if mask is None else mask[::2]
    counts = cv2.calcHist([plane], [0], mask, [256], [0, 256]).ravel().cumsum()
    return float(np.searchsorted(counts, share * counts[-1])) if counts[-1] > 0 else 0.0


@lru_cache(maxsize=8)
def from_centre(shape: tuple[int, int]) -> np.ndarray:
    """float32: each pixel's distance from the image's centre, in half diagonals (1 at the corners)."""
    y, x = np.ogrid[0 : shape[0], 0 : shape[1]]
    cy, cx = (shape[0] - 1) / 2, (shape[1] - 1) / 2
    far = np.sqrt((y - cy) ** 2 + (x - cx) ** 2) / max(np.hypot(cy, cx), 1e-9)
    far32: np.ndarray = far.astype(np.float32)
    far32.setflags(write=False)
    return far32
