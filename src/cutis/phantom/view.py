"""Where each pixel looks: geometry between the skin, in millimetres, and the picture, and smooth noise on it.

Structure is anchored to the skin: it turns and scales with the camera, and is the same at every size.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cutis.phantom.scene import Camera, Lesion

Field = NDArray[Any]  # one float32 plane, or (H, W, 3) light
_TILE, _CELL = 96, 6  # cells of the noise sheet, and its pixels a cell
_COARSE = 3.0  # pixels a cell that are enough: smoother noise is made smaller, then enlarged
FINE = 2  # canvases are this much larger than the picture (and antialiased), then averaged


class View:
    """A window on the skin: `width` x `height` pixels whose (0, 0) is pixel (left, top) of the picture.

    x, y: (height, width) float32, where each pixel looks, mm from `origin` on the skin. mm: millimetres a pixel.
    """

    def __init__(
        self,
        camera: Camera,
        size: int,
        *,
        origin: tuple[float, float] = (0.0, 0.0),
        box: tuple[int, int, int, int] | None = None,
    ) -> None:
        """box: (left, top, right, bottom) in pixels; the whole picture if None."""
        self.camera, self.size = camera, size
        self.box = box or (0, 0, size, size)
        left, top, right, bottom = self.box
        self.width, self.height = right - left, bottom - top
        self.mm = camera.field / size
        cos, sin = math.cos(camera.angle) * self.mm, math.sin(camera.angle) * self.mm
        # skin = turn @ (column, row) + shift, for the centres of the window's pixels
        middle = size / 2 - 0.5
        dx, dy = left - middle, top - middle
        self.turn = np.array([[cos, sin], [-sin, cos]])
        self.shift = self.turn @ (dx, dy) + (camera.look_x - origin[0], camera.look_y - origin[1])
        columns, rows = np.arange(self.width, dtype=np.float32), np.arange(self.height, dtype=np.float32)[:, None]
        self.x: Field = np.float32(cos) * columns + np.float32(sin) * rows + np.float32(self.shift[0])
        self.y: Field = np.float32(cos) * rows - np.float32(sin) * columns + np.float32(self.shift[1])
        self._back = np.linalg.inv(self.turn)

    @property
    def part(self) -> tuple[slice, slice]:
        """The window as slices of the whole picture's planes."""
        left, top, right, bottom = self.box
        return slice(top, bottom), slice(left, right)

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    def noise(self, rng: np.random.Generator, period: float) -> Field:
        """Smooth noise, (height, width) float32, mean 0, deviation about 0.8, bumps about `period` mm apart."""
        turn, left, top = rng.uniform(0, 2 * np.pi), *(rng.uniform(0, _TILE * _CELL, 2))
        scale = _CELL / max(period, 1e-3)
        cos, sin = math.cos(turn) * scale, math.sin(turn) * scale
        spin = np.array([[cos, -sin], [sin, cos]])
        step = max(1, min(16, int(period / self.mm / _COARSE)))  # pixels of the picture a pixel made
        matrix = np.empty((2, 3))
        matrix[:, :2] = spin @ self.turn * step
        matrix[:, 2] = spin @ (self.shift + self.turn @ np.full(2, (step - 1) / 2)) + (left, top)
        shape = -(-self.width // step) + (step > 1), -(-self.height // step) + (step > 1)
        made = look_at(_tile(), matrix, shape)
        if step == 1:
            return made
        whole = cv2.resize(made, None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)
        return np.ascontiguousarray(whole[: self.height, : self.width])

    def wave(self, angle: float, period: float) -> Field:
        """Phase, in radians, of a plane wave over the skin with `period` mm, running towards `angle`."""
        k = 2 * math.pi / period
        return self.x * np.float32(math.cos(angle) * k) + self.y * np.float32(math.sin(angle) * k)

    def fixed(self, points: NDArray[np.float64]) -> NDArray[np.int32]:
        """(n, 2) points, mm from the origin -> pixels of `canvas()` with 4 fractional bits (OpenCV's shift=4)."""
        pixels = (points - self.shift) @ self._back.T
        return np.rint(((pixels + 0.5) * FINE - 0.5) * 16).astype(np.int32)

    def thick(self, mm: float) -> int:
        """A line's width in canvas pixels, at least 1."""
        return max(1, round(mm / self.mm * FINE))

    def canvas(self) -> NDArray[np.uint8]:
        """An empty sheet to draw on with OpenCV, `FINE` times as large as the window."""
        return np.zeros((self.height * FINE, self.width * FINE), np.uint8)

    def shrink(self, canvas: NDArray[np.uint8]) -> Field:
        """A drawn canvas as coverage 0..1, (height, width) float32."""
        return cv2.resize(canvas, (self.width, self.height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255

    def soften(self, plane: Field, mm: float) -> Field:
        """Gaussian blur with a deviation of `mm` on the skin; nothing where that is under a third of a pixel."""
        sigma = mm / self.mm
        return cv2.GaussianBlur(plane, (0, 0), sigma) if sigma > 0.33 else plane


class Ground(View):
    """The window around one lesion. x, y are mm from its centre.

    u, v: the same in radii; distance, angle: polar (radii; 0..2 pi).
    """

    def __init__(self, camera: Camera, size: int, lesion: Lesion) -> None:
        super().__init__(camera, size, origin=(lesion.left, lesion.top), box=lesion_box(camera, size, lesion))
        self.lesion = lesion
        scale = np.float32(1 / lesion.radius)
        self.u, self.v = self.x * scale, self.y * scale
        self.distance, self.angle = cv2.cartToPolar(self.u, self.v)

    def near(self, x: float, y: float) -> Field:
        """Squared distance, in radii, from the point (x, y), itself in radii from the lesion's centre."""
        return (self.u - np.float32(x)) ** 2 + (self.v - np.float32(y)) ** 2

    def strew(
        self, rng: np.random.Generator, count: int, x: float, y: float, extent: float, even: float = 0.0
    ) -> NDArray[np.float64]:
        """(n, 2) points, mm from the lesion's centre, strewn over a disc of `extent` radii around (x, y) (in radii).

        even: 0 by chance, 1 spread as evenly as sunflower seeds.
        """
        order = np.arange(count)
        far = np.sqrt((order + 0.5) / max(count, 1)) * even + np.sqrt(rng.random(count)) * (1 - even)
        turn = order * 2.399963 * even + rng.uniform(0, 2 * np.pi, count) * (1 - even) + rng.uniform(0, 2 * np.pi)
        points = np.column_stack([np.cos(turn), np.sin(turn)]) * far[:, None] * extent + (x, y)
        return points * self.lesion.radius


def lesion_box(camera: Camera, size: int, lesion: Lesion) -> tuple[int, int, int, int]:
    """Pixels (left, top, right, bottom) that a lesion, its soft border and a margin may touch, inside the picture.

    Empty (right <= left or bottom <= top) when the lesion is out of the picture.
    """
    reach = lesion.radius * (1 + sum(map(abs, lesion.bumps))) * 1.15 + max(lesion.edges) + 0.3
    mm = camera.field / size
    cos, sin = math.cos(camera.angle), math.sin(camera.angle)
    dx, dy = lesion.left - camera.look_x, lesion.top - camera.look_y
    column, row = (cos * dx - sin * dy) / mm + size / 2, (sin * dx + cos * dy) / mm + size / 2
    left, top = max(0, math.floor(column - reach / mm)), max(0, math.floor(row - reach / mm))
    right, bottom = min(size, math.ceil(column + reach / mm)), min(size, math.ceil(row + reach / mm))
    return left, top, right, bottom


def look_at(sheet: Field, matrix: NDArray[np.float64], shape: tuple[int, int]) -> Field:
    """A repeating sheet, kept twice as wide and high as it is, seen through `shape` (width, height) pixels.

    matrix: (2, 3), from those pixels to the sheet's; changed: shifted by whole sheets, so that nearly all is looked up
    inside. OpenCV is ten times slower where it has to wrap, and counts pixels in 16 bits.
    """
    side = sheet.shape[0] // 2
    first = matrix[:, 2] + np.minimum(matrix[:, :2] * shape, 0).sum(1)
    matrix[:, 2] -= side * np.floor(first / side)
    return cv2.warpAffine(
        sheet, matrix, shape, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_WRAP
    )


@cache
def _tile() -> Field:
    """A sheet of smooth noise, `_TILE` cells square, twice each way. Always the same: scenes choose where to look."""
    knots = np.random.default_rng(0).standard_normal((_TILE, _TILE), np.float32)
    wide = cv2.resize(np.pad(knots, 4, mode="wrap"), None, fx=_CELL, fy=_CELL, interpolation=cv2.INTER_CUBIC)
    return np.tile(wide[4 * _CELL : -4 * _CELL, 4 * _CELL : -4 * _CELL], (2, 2))
