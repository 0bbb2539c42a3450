"""Patterns of the skin's surface on sheets that repeat: made once, then laid under any camera by one warp."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from cutis.phantom.view import Field, View

_SIDE = 768  # pixels


@dataclass(frozen=True, slots=True)
class Sheet:
    """levels: the pattern as bytes, (n, n) or (n, n, 2), twice each way, then halved again and again against aliasing.

    cells: how many elements (polygons, follicles, ridges) lie side by side on it.
    """

    levels: tuple[Field, ...]
    cells: int

    def lay(self, view: View, rng: np.random.Generator, cell: float, stretch: float = 1.0) -> Field:
        """The pattern, 0..255, where each pixel of `view` looks; `cell` mm an element, stretched one way."""
        turn, left, top = rng.random(3).tolist()
        fine = _SIDE / (self.cells * cell)  # pixels of the sheet a mm
        level = min(max(round(math.log2(view.mm * fine)), 0), len(self.levels) - 1)
        shift = (_SIDE * left + 0.5) / 2**level - 0.5, (_SIDE * top + 0.5) / 2**level - 0.5
        fine /= 2**level
        return view.look(self.levels[level], 2 * math.pi * turn, (fine / stretch, fine), shift)


def _sheet(plane: Field, cells: int) -> Sheet:
    """plane: 0..1."""
    levels: list[Field] = []
    while plane.shape[0] >= 6:
        bytes_ = np.rint(plane * 255).astype(np.uint8)
        levels.append(np.tile(bytes_, (2, 2, 1)[: plane.ndim]))
        plane = np.asarray(cv2.resize(plane, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    return Sheet(tuple(levels), cells)


def _tessellate(rng: np.random.Generator, cells: int, jitter: float, keep: float = 1.0) -> tuple[Field, Field]:
    """Polygons around seeds on a jittered lattice: distance in cells to the own seed, and to the nearest border."""
    cell = _SIDE / cells
    rows, columns = np.divmod(np.arange(cells * cells), cells)
    points = np.column_stack([columns + 0.5 * (rows % 2), rows]) + 0.5 + jitter * (rng.random((cells**2, 2)) - 0.5)
    points = points[rng.random(len(points)) < keep]
    at = (points * cell).astype(int) % _SIDE
    free = np.ones((_SIDE, _SIDE), np.uint8)
    free[at[:, 1], at[:, 0]] = 0
    pad = math.ceil(4 * cell)
    inner = slice(pad, pad + _SIDE), slice(pad, pad + _SIDE)
    far, owner = cv2.distanceTransformWithLabels(
        np.pad(free, pad, mode="wrap"), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    same = np.ones_like(owner, np.uint8)
    same[:, 1:] &= owner[:, 1:] == owner[:, :-1]
    same[1:] &= owner[1:] == owner[:-1]
    gap = cv2.distanceTransform(same, cv2.DIST_L2, 5)
    return far[inner] / np.float32(cell), gap[inner] / np.float32(cell)


def _ripple(rng: np.random.Generator, waves: int, most: int) -> Field:
    """Smooth noise that repeats with the sheet, deviation 1: a few plane waves of up to `most` periods a side."""
    at = np.arange(_SIDE, dtype=np.float32) * np.float32(2 * np.pi / _SIDE)
    total = np.zeros((_SIDE, _SIDE), np.float32)
    for kx, ky, phase in zip(*rng.integers(-most, most + 1, (2, waves)), rng.uniform(0, 2 * np.pi, waves), strict=True):
        total += np.cos(at * np.float32(kx) + at[:, None] * np.float32(ky) + np.float32(phase))
    return total / np.float32(math.sqrt(waves / 2))


@cache
def furrows() -> Sheet:
    """Depth 0..1 of the criss-cross of fine furrows: small polygons, some of them grouped by deeper lines."""
    rng = np.random.default_rng(1)
    small, large = _tessellate(rng, 64, 0.75)[1], _tessellate(rng, 20, 0.6)[1]
    fine = cv2.exp(-((small / 0.11) ** 2)) * (0.55 + 0.2 * _ripple(rng, 24, 12)).clip(0.1, 1)
    deep = cv2.exp(-((large / 0.045) ** 2)) * (0.6 + 0.3 * _ripple(rng, 24, 9)).clip(0, 1)
    return _sheet(np.maximum(fine, deep), 64)


@cache
def follicles() -> Sheet:
    """0..1: openings of hair follicles and pores, of uneven sizes."""
    rng = np.random.default_rng(2)
    far = _tessellate(rng, 48, 0.8, keep=0.8)[0]
    radius = 0.17 + 0.035 * _ripple(rng, 24, 30)
    return _sheet(((radius - far) / 0.09 + 0.5).clip(0, 1), 48)


@cache
def ridges() -> Sheet:
    """Two planes 0..1: furrows between the parallel ridges of palms and soles, and sweat pores along the ridges."""
    rng = np.random.default_rng(3)
    count, along = 48, 40
    at = np.arange(_SIDE, dtype=np.float32) / _SIDE * np.float32(2 * np.pi)
    phase = at[:, None] * count + 4.5 * _ripple(rng, 10, 2) + 0.35 * _ripple(rng, 24, 14)
    rows = np.floor(phase / (2 * np.pi) + 0.5).astype(int) % count
    across = at * along + rng.uniform(0, 2 * np.pi, count).astype(np.float32)[rows] + 0.9 * _ripple(rng, 24, 16)
    height = np.cos(phase)
    groove = ((-height - 0.25) / 0.75).clip(0, 1)
    pores = cv2.exp((height + np.cos(across) - 2) / np.float32(0.22))
    return _sheet(np.dstack([groove, pores]), count)


@cache
def capillaries() -> Sheet:
    """0..1: fine branching vessels strewn over the sheet."""
    rng = np.random.default_rng(4)
    canvas = np.zeros((_SIDE, _SIDE), np.uint8)
    shifts = [np.array([dx, dy]) for dx in (-_SIDE, 0, _SIDE) for dy in (-_SIDE, 0, _SIDE)]
    todo = [(rng.uniform(0, _SIDE, 2), rng.uniform(0, 2 * np.pi), int(rng.integers(1, 3)), 26) for _ in range(110)]
    while todo:
        start, heading, width, steps = todo.pop()
        turns = heading + rng.normal(0, 0.2, steps).cumsum() + 0.35 * np.sin(np.arange(steps) * rng.uniform(0.5, 1.1))
        path = np.vstack([start, start + 3.5 * np.column_stack([np.cos(turns), np.sin(turns)]).cumsum(0)])
        lines = [np.rint((path + shift) * 16).astype(np.int32) for shift in shifts]
        cv2.polylines(canvas, lines, False, 255 if width > 1 else 170, width, cv2.LINE_AA, 4)
        if steps > 10:
            todo += [
                (path[i], turns[i - 1] + rng.choice([-1, 1]) * rng.uniform(0.5, 1.1), width - 1 or 1, steps // 2)
                for i in rng.integers(4, steps, 2)
            ]
    return _sheet(cv2.GaussianBlur(canvas, (0, 0), 0.7).astype(np.float32) / 255, 1)
