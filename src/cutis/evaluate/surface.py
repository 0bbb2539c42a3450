"""Distances between the outlines of two masks, and the overlap of their rims.

The surface of a mask is those of its pixels that have background, or the picture's edge, above, below, left or right of
them: the mask without its erosion by a cross. That is MONAI's definition (`get_mask_edges`). A surface pixel's distance
is that to the nearest surface pixel of the other mask, from centre to centre, and exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cutis.evaluate.arrays import Bools, Floats

Mask = NDArray[np.uint8]  # (height, width), 0 and 1
Spacing = tuple[float, float]  # millimetres from one row to the next, and from one column to the next

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
_BLOCK = 2**20  # pairs of pixels compared at once: 4 or 8 MB, which stays in the cache
# Comparing all pairs of surface pixels costs about 1 ns a pair; a distance transform about 100 ns a pixel of the box.
_PAIRS_PER_PIXEL = 100
_EXACT_IN_32_BITS = 2**24


@dataclass(frozen=True)
class SurfaceDistances:
    """How far two surfaces lie from each other, in pixels, or in mm where a spacing was given.

    predicted: (k,) distance of each surface pixel of the predicted mask from the true surface. truth: (m,) the reverse.
    """

    predicted: Floats
    truth: Floats

    def hd95(self) -> tuple[float, float]:
        """95 % Hausdorff distance in both of its forms: the larger of the two directed 95th percentiles (as MONAI has
        it), and their mean. After Huttenlocher et al., IEEE TPAMI 15, 1993, whose directed distance is of a rank."""
        directed = [float(np.quantile(d, 0.95)) for d in (self.predicted, self.truth)]
        return max(directed), sum(directed) / 2

    def average(self) -> float:
        """Average symmetric surface distance: the mean over the pixels of both surfaces. Heimann et al., IEEE TMI 28,
        2009."""
        return float((self.predicted.sum() + self.truth.sum()) / (len(self.predicted) + len(self.truth)))

    def nsd(self, tau: float) -> float:
        """Normalised surface distance (surface Dice): the share, 0..1, of both surfaces that lies within `tau`.
        Nikolov et al., JMIR 23, 2021, with a surface's length counted in pixels."""
        # In 32 bits, so that 3 steps of 0.1 mm are within 0.3 mm.
        near = sum(np.count_nonzero(d.astype(np.float32) <= np.float32(tau)) for d in (self.predicted, self.truth))
        return near / (len(self.predicted) + len(self.truth))


def surface_distances(predicted: Mask, truth: Mask, spacing: Spacing | None = None) -> SurfaceDistances | None:
    """The distances of both surfaces from each other; None if a mask is empty, as there is no distance then.

    predicted, truth: 2-D uint8 of 0 and 1, of one shape. spacing: mm between rows and between columns; None is pixels.
    """
    left, top, width, height = cv2.boundingRect(cv2.bitwise_or(predicted, truth))
    box = np.s_[top : top + height, left : left + width]
    a, b = _surface(predicted[box]), _surface(truth[box])
    if not (a.any() and b.any()):
        return None
    down, across = spacing or (1.0, 1.0)
    if np.count_nonzero(a) * np.count_nonzero(b) > _PAIRS_PER_PIXEL * a.size:
        from scipy.ndimage import distance_transform_edt

        return SurfaceDistances(
            distance_transform_edt(~b, sampling=(down, across))[a],
            distance_transform_edt(~a, sampling=(down, across))[b],
        )
    if down == across:
        dtype = np.float32 if height**2 + width**2 < _EXACT_IN_32_BITS else np.float64
        near = [down * np.sqrt(d, dtype=np.float64) for d in _nearest(_places(a, dtype), _places(b, dtype))]
    else:
        step = np.array([down, across])
        squares = _nearest(_places(a, np.float64) * step, _places(b, np.float64) * step)
        # Of fractions the sums below are rounded: what is nearer than a pixel is the same pixel.
        near = [np.sqrt(np.where(d < 0.5 * min(down, across) ** 2, 0.0, d)) for d in squares]
    return SurfaceDistances(near[0], near[1])


def boundary_iou(predicted: Mask, truth: Mask, ratio: float = 0.02) -> float:
    """Boundary IoU, 0..1: the Jaccard index of the rims, a rim being the mask's pixels within `d` of its outline.

    d is `ratio` of the picture's diagonal, at least 1 pixel, in steps to any of the eight neighbours; the picture's
    edge is outline too. Two empty masks agree: 1. predicted, truth: 2-D uint8 of 0 and 1, of one shape. Source: Cheng
    et al., "Boundary IoU", CVPR 2021, whose ratio is 0.02 too.
    """
    d = max(1, round(ratio * float(np.hypot(*truth.shape))))
    left, top, width, height = cv2.boundingRect(cv2.bitwise_or(predicted, truth))
    box = np.s_[top : top + height, left : left + width]
    square = np.ones((2 * d + 1, 2 * d + 1), np.uint8)
    a, b = (m & ~_eroded(np.ascontiguousarray(m), square) for m in (predicted[box], truth[box]))
    either = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / either if either else 1.0


def _eroded(mask: Mask, element: NDArray[np.uint8]) -> NDArray[Any]:
    return cv2.erode(mask, element, borderType=cv2.BORDER_CONSTANT, borderValue=0) if mask.size else mask


def _surface(mask: Mask) -> Bools:
    mask = np.ascontiguousarray(mask)
    rim: Bools = (mask & ~_eroded(mask, _CROSS)).view(np.bool_)
    return rim


def _places(surface: Bools, dtype: Any) -> NDArray[Any]:
    """(k, 2) row and column of the pixels, from the middle of the box, which keeps the squares small."""
    row, column = np.divmod(np.flatnonzero(surface), surface.shape[1])
    return np.stack([row - surface.shape[0] // 2, column - surface.shape[1] // 2], 1).astype(dtype)


def _nearest(a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Squared distance of each place of `a` from the nearest of `b`, and the reverse, by comparing all of them.

    |a - b|^2 = |a|^2 + |b|^2 - 2 a.b is one matrix product. Of whole numbers it is exact.
    """
    left = np.column_stack([-2 * a, np.ones(len(a), a.dtype), (a * a).sum(1)])
    right = np.vstack([b.T, (b * b).sum(1), np.ones(len(b), b.dtype)])
    from_a = np.empty(len(a), a.dtype)
    from_b = np.full(len(b), np.inf, b.dtype)
    step = max(1, _BLOCK // len(b))
    for start in range(0, len(a), step):
        squares = left[start : start + step] @ right
        from_a[start : start + step] = squares.min(1)
        np.minimum(from_b, squares.min(0), out=from_b)
    return from_a, from_b
