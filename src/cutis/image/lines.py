"""Dark thin lines, each as a row of numbers: what hairs and the ticks of a ruler are told apart by.

A closing along a line fills what is dark and narrower than the line (Lee et al., Comput. Biol. Med. 27, 1997,
"DullRazor": three directions in each channel). Here: four directions in one plane; the black top-hat is their greatest
filling, and connected pixels of it become one line.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from cutis.image.planes import at_least

_REACH = 9  # pixels: what is wider across is not a line
FAINT, CLEAR = 10, 20
_CORE = 0.7  # of a line's mean depth: what is less deep is beside it


def _kernels() -> tuple[np.ndarray, ...]:
    slant = np.eye(_REACH - 2, dtype=np.uint8)
    return (
        np.ones((1, _REACH), np.uint8),
        np.ones((_REACH, 1), np.uint8),
        slant,
        np.ascontiguousarray(slant[:, ::-1]),
    )


_KERNELS = _kernels()


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """n lines in a plane of `shape`. Their m pixels: pixel, index into the plane; line, 0..n-1; dark, grey levels.

    The rest is (n,), in pixels. x, y: centre. span: diagonal of the bounding box. length, breadth: of the bar with the
    same moments. angle: of its long axis, radians, 0 along rows, y down. thick: area / span. depth: mean darkening in
    grey levels. In moments a pixel counts by its darkening squared, so that a shade beside a line turns it little.
    """

    shape: tuple[int, int]
    pixel: np.ndarray
    line: np.ndarray
    dark: np.ndarray
    x: np.ndarray
    y: np.ndarray
    span: np.ndarray
    length: np.ndarray
    breadth: np.ndarray
    angle: np.ndarray
    thick: np.ndarray
    depth: np.ndarray

    def mask(self, which: np.ndarray) -> np.ndarray:
        """uint8, 255 on the lines where the bool (n,) `which` is true, less what is fainter and hangs on to them."""
        found = np.zeros(self.shape, np.uint8)
        if which.any():
            core = which[self.line] & (self.dark >= _CORE * self.depth[self.line])
            found.ravel()[self.pixel[core]] = 255
        return found


def line_depth(plane: np.ndarray) -> np.ndarray:
    """uint8: by how much each pixel of a uint8 plane is darker than what lies beside the line it may belong to."""
    filled = plane
    for kernel in _KERNELS:
        filled = cv2.max(filled, cv2.morphologyEx(plane, cv2.MORPH_CLOSE, kernel))
    return np.asarray(cv2.subtract(filled, plane))


def dark_lines(depth: np.ndarray, field: np.ndarray, faint: int, clear: int, shortest: float) -> Lines:
    """The dark thin lines, from `line_depth`, where `field` (uint8) is not 0.

    faint: depth of a line's pixels, in grey levels, at least; clear: of its deepest. shortest: pixels of span.
    """
    here = cv2.bitwise_and(at_least(depth, faint), field)
    # 16 bits hold the components of any picture of working size, at a third of the time.
    count, labels, stats, _ = cv2.connectedComponentsWithStats(here, connectivity=8, ltype=cv2.CV_16U)
    pixel = np.flatnonzero(here > 0)
    line, dark = labels.ravel()[pixel], depth.ravel()[pixel]
    span = np.hypot(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    kept = np.zeros(count, bool)
    kept[line[dark >= clear]] = True
    kept &= span >= shortest
    n = int(kept.sum())
    number = np.full(count, -1, np.intp)
    number[kept] = np.arange(n)
    line = number[line]
    inside = line >= 0
    pixel, line, dark = pixel[inside], line[inside], dark[inside]
    area, span = stats[kept, cv2.CC_STAT_AREA].astype(np.float64), span[kept]
    rows, columns = np.divmod(pixel, depth.shape[1])
    weight = dark.astype(np.float64) ** 2
    mass = np.bincount(line, weight, n)
    x, y = np.bincount(line, weight * columns, n) / mass, np.bincount(line, weight * rows, n) / mass
    dx, dy = columns - x[line], rows - y[line]
    xx, yy, xy = (np.bincount(line, weight * w, n) / mass for w in (dx * dx, dy * dy, dx * dy))
    half, apart = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    return Lines(
        shape=(depth.shape[0], depth.shape[1]),
        pixel=pixel,
        line=line,
        dark=dark,
        x=x,
        y=y,
        span=span,
        length=np.sqrt(12 * (half + apart) + 1),
        breadth=np.sqrt(12 * np.maximum(half - apart, 0) + 1),
        angle=np.arctan2(2 * xy, xx - yy) / 2,
        thick=area / span,
        depth=np.bincount(line, dark, n) / area,
    )
