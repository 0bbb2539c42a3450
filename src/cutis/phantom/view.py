"""Where each pixel looks: geometry between the skin, in millimetres, and the picture, and smooth noise on it.

Structure is anchored to the skin: it turns and scales with the camera, and is the same at every size. What is smooth is
made on a lattice of every 2nd, 4th, 8th... pixel and enlarged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cutis.phantom.lesion.edge import Edge, edge_of
from cutis.phantom.parts import Camera, Lesion

Field = NDArray[Any]  # one float32 plane, or (H, W, 3) light
Mix = Sequence[tuple[float, Sequence[float]]]  # a noise's period, and how much of it goes to each of some planes
_TILE, _CELL = 96, 6  # cells of the noise sheet, and its pixels a cell
_COARSE = 2.5  # pixels a cell that are enough: smoother noise is made smaller, then enlarged
_COARSEST = 6  # doublings
FINE = 2  # canvases are this much larger than the picture (and antialiased), then averaged


class View:
    """A window on the skin: `width` x `height` pixels whose (0, 0) is pixel (left, top) of the picture.

    mm: millimetres a pixel. A lattice of `step` 1 is the pixels themselves; one of a larger `step` (2, 4, 8...) has a
    point amid every step x step pixels, and one more on all sides.
    """

    def __init__(
        self,
        camera: Camera,
        size: int,
        *,
        origin: tuple[float, float] = (0.0, 0.0),
        box: tuple[int, int, int, int] | None = None,
    ) -> None:
        """origin: the point of the skin from which x and y count, mm. box: (left, top, right, bottom) in pixels; the
        whole picture if None."""
        self.camera, self.size = camera, size
        self.box = box or (0, 0, size, size)
        left, top, right, bottom = self.box
        self.width, self.height = right - left, bottom - top
        self.mm = camera.field / size
        # x = cos * column + sin * row + x of pixel (0, 0), y = cos * row - sin * column + y of it
        self._cos, self._sin = math.cos(camera.angle) * self.mm, math.sin(camera.angle) * self.mm
        dx, dy = left - size / 2 + 0.5, top - size / 2 + 0.5
        self._x = self._cos * dx + self._sin * dy + camera.look_x - origin[0]
        self._y = self._cos * dy - self._sin * dx + camera.look_y - origin[1]
        self._places: dict[int, tuple[Field, Field]] = {}

    @property
    def part(self) -> tuple[slice, slice]:
        """The window as slices of the whole picture's planes."""
        left, top, right, bottom = self.box
        return slice(top, bottom), slice(left, right)

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def x(self) -> Field:
        """(height, width) float32: where each pixel looks, mm from the origin."""
        return self.places()[0]

    @property
    def y(self) -> Field:
        return self.places()[1]

    def coarse(self, period: float) -> int:
        """The step of the coarsest lattice that holds noise whose bumps are `period` mm apart."""
        fits = period / self.mm / _COARSE
        return 1 << min(int(math.log2(fits)), _COARSEST) if fits >= 2 else 1

    def pixels(self, step: int = 1) -> tuple[Field, Field]:
        """Columns, (w,), and rows, (h, 1), of the lattice's points, in pixels of the window."""
        if step == 1:
            return np.arange(self.width, dtype=np.float32), np.arange(self.height, dtype=np.float32)[:, None]
        width, height = self._lattice(step)
        first = np.float32(-(step + 1) / 2)
        points = np.arange(max(width, height), dtype=np.float32) * np.float32(step) + first
        return points[:width], points[:height, None]

    def places(self, step: int = 1) -> tuple[Field, Field]:
        """x and y of the lattice's points, mm from the origin."""
        if step not in self._places:
            columns, rows = self.pixels(step)
            cos, sin = np.float32(self._cos), np.float32(self._sin)
            x = cos * columns + (sin * rows + np.float32(self._x))
            self._places[step] = x, (cos * rows + np.float32(self._y)) - sin * columns
        return self._places[step]

    def enlarge(self, plane: Field, step: int, to: int = 1) -> Field:
        """What is known on a lattice, (h, w) or (h, w, 3), on the finer one of step `to`. Not always contiguous."""
        if step == to:
            return plane
        by = step // to
        skip = by if to == 1 else by - 1
        width, height = self._lattice(to)
        whole = cv2.resize(plane, None, fx=by, fy=by, interpolation=cv2.INTER_LINEAR)
        return whole[skip : skip + height, skip : skip + width]

    def noise(self, rng: np.random.Generator, period: float, step: int = 1) -> Field:
        """Smooth noise on a lattice, mean 0, deviation about 0.8, bumps about `period` mm apart."""
        return self.noises(rng, [(period, (1.0,))], step)[0]

    def noises(self, rng: np.random.Generator, mix: Mix, *steps: int) -> list[Field]:
        """Sums of noises: `mix` says how much of each goes to each plane; a plane's lattice must hold the finest of it.

        steps: of the planes' lattices, all 1 if none is given.
        """
        steps = steps or (1,) * len(mix[0][1])
        least = min(steps)
        draws = rng.random((len(mix), 3)).tolist()
        drawn = [(max(least, self.coarse(one[0])), *one, draw) for one, draw in zip(mix, draws, strict=True)]
        drawn.sort(key=lambda one: -one[0])
        planes: list[tuple[int, Field] | None] = [None] * len(mix[0][1])
        for at, period, weights, (turn, left, top) in drawn:
            scale = _CELL / max(period, 1e-3)
            side = _TILE * _CELL
            made = self.look(_tile(), 2 * math.pi * turn, (scale, scale), (left * side, top * side), at)
            for i, weight in enumerate(weights):
                had = planes[i]
                if had is None:
                    planes[i] = at, made if weight == 1 else made * np.float32(weight)
                elif weight:
                    planes[i] = at, cv2.scaleAdd(made, weight, self.enlarge(had[1], had[0], at))
        return [self.enlarge(had[1], had[0], to) for had, to in zip(planes, steps, strict=True) if had]

    def look(
        self, sheet: Field, turn: float, scale: tuple[float, float], shift: tuple[float, float], step: int = 1
    ) -> Field:
        """A repeating sheet, kept twice as wide and high as it is, laid on the skin and seen on a lattice.

        turn: radians. scale: pixels of the sheet a mm, along its rows and its columns. shift: pixels of the sheet.
        """
        cos, sin = math.cos(turn), math.sin(turn)
        along, across = cos * self._cos + sin * self._sin, cos * self._sin - sin * self._cos
        middle = 0.0 if step == 1 else -(step + 1) / 2  # first point of the lattice
        x, y = self._x + middle * (self._cos + self._sin), self._y + middle * (self._cos - self._sin)
        columns = scale[0] * along * step, scale[0] * across * step
        rows = -scale[1] * across * step, scale[1] * along * step
        left, top = scale[0] * (cos * x - sin * y) + shift[0], scale[1] * (sin * x + cos * y) + shift[1]
        # shifted by whole sheets, so that nearly all is looked up inside: OpenCV counts pixels in 16 bits
        width, height = self._lattice(step)
        side = sheet.shape[0] // 2
        left -= side * math.floor((left + min(columns[0] * width, 0) + min(columns[1] * height, 0)) / side)
        top -= side * math.floor((top + min(rows[0] * width, 0) + min(rows[1] * height, 0)) / side)
        return cv2.warpAffine(
            sheet,
            np.array([(*columns, left), (*rows, top)]),
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_WRAP,
        )

    def wave(self, angle: float, period: float, step: int = 1) -> Field:
        """Phase, in radians, of a plane wave over the skin with `period` mm, running towards `angle`."""
        k = 2 * math.pi / period
        x, y = self.places(step)
        return x * np.float32(math.cos(angle) * k) + y * np.float32(math.sin(angle) * k)

    def fixed(self, points: NDArray[np.float64]) -> NDArray[np.int32]:
        """(n, 2) points, mm from the origin -> pixels of `canvas()` with 4 fractional bits (OpenCV's shift=4)."""
        cos, sin = (FINE * 16 / self.mm**2 * v for v in (self._cos, self._sin))
        pixels = (points - (self._x, self._y)) @ np.array([(cos, sin), (-sin, cos)])
        return np.asarray(np.rint(pixels + (FINE - 1) * 8), np.int32)

    def thick(self, mm: float) -> int:
        """A line's width in canvas pixels, at least 1."""
        return max(1, round(mm / self.mm * FINE))

    def canvas(self) -> NDArray[np.uint8]:
        """An empty sheet to draw on with OpenCV, `FINE` times as large as the window."""
        return np.zeros((self.height * FINE, self.width * FINE), np.uint8)

    def shrink(self, canvas: NDArray[np.uint8]) -> Field:
        """A drawn canvas as coverage 0..1, (height, width) float32."""
        small = cv2.resize(canvas, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return np.multiply(small, np.float32(1 / 255), dtype=np.float32)

    def soften(self, plane: Field, mm: float) -> Field:
        """Gaussian blur with a deviation of `mm` on the skin; nothing where that is under a third of a pixel."""
        sigma = mm / self.mm
        if sigma <= 0.33:
            return plane
        side = 2 * math.ceil(3 * sigma - 0.5) + 1
        return cv2.GaussianBlur(plane, (side, side), sigma)

    def _lattice(self, step: int) -> tuple[int, int]:
        """Its width and height."""
        return (self.width, self.height) if step == 1 else (-(-self.width // step) + 2, -(-self.height // step) + 2)


class Ground(View):
    """The window around one lesion, as far as it and a little margin reach; x and y are mm from its centre.

    Empty (width or height 0 or less) when the lesion is out of the picture.
    """

    def __init__(self, camera: Camera, size: int, lesion: Lesion) -> None:
        self.lesion = lesion
        self.edge: Edge = edge_of(lesion, camera.field / size)
        origin = lesion.left, lesion.top
        super().__init__(camera, size, origin=origin, box=_box(camera, size, lesion, self.edge))
        self._polar: dict[int, tuple[Field, Field]] = {}

    @property
    def distance(self) -> Field:
        """(height, width) float32, radii from the lesion's centre."""
        return self.polar()[0]

    @property
    def angle(self) -> Field:
        """(height, width) float32, 0..2 pi."""
        return self.polar()[1]

    def polar(self, step: int = 1) -> tuple[Field, Field]:
        """Distance from the lesion's centre, in radii, and angle, 0..2 pi, of the lattice's points."""
        if step not in self._polar:
            x, y = self.places(step)
            distance, angle = cv2.cartToPolar(x, y)
            distance *= np.float32(1 / self.lesion.radius)
            self._polar[step] = distance, angle
        return self._polar[step]

    def far(self, x: float, y: float, step: int = 1) -> Field:
        """Distance, in radii, of the lattice's points from (x, y), itself in radii from the lesion's centre."""
        columns, rows = self.places(step)
        radius = self.lesion.radius
        away: Field = cv2.magnitude(columns - np.float32(x * radius), rows - np.float32(y * radius))
        away *= np.float32(1 / radius)
        return away

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


def _box(camera: Camera, size: int, lesion: Lesion, edge: Edge) -> tuple[int, int, int, int]:
    """Pixels (left, top, right, bottom) inside the picture that the lesion may touch."""
    mm = camera.field / size
    cos, sin = math.cos(camera.angle), math.sin(camera.angle)
    dx, dy = lesion.left - camera.look_x, lesion.top - camera.look_y
    column, row = (cos * dx - sin * dy) / mm + size / 2, (sin * dx + cos * dy) / mm + size / 2
    x0, y0, x1, y1 = edge.box(camera.angle)
    left, top = max(0, math.floor(column + x0 / mm) - 1), max(0, math.floor(row + y0 / mm) - 1)
    right, bottom = min(size, math.ceil(column + x1 / mm) + 1), min(size, math.ceil(row + y1 / mm) + 1)
    return left, top, right, bottom


@cache
def _tile() -> Field:
    """A sheet of smooth noise, `_TILE` cells square, twice each way. Always the same: scenes choose where to look."""
    knots = np.random.default_rng(0).standard_normal((_TILE, _TILE), np.float32)
    wide = cv2.resize(np.pad(knots, 4, mode="wrap"), None, fx=_CELL, fy=_CELL, interpolation=cv2.INTER_CUBIC)
    return np.tile(wide[4 * _CELL : -4 * _CELL, 4 * _CELL : -4 * _CELL], (2, 2))
