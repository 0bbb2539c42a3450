"""Hairs: long, curved and tapered, or shaved stubs."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from cutis.phantom.artefacts import paint
from cutis.phantom.parts import Artefact
from cutis.phantom.view import Field, View

_POINTS = 24
_SHAVED = 0.22  # share of hairy pictures whose hairs are cut short


def hair(view: View, artefact: Artefact, light: Field) -> NDArray[np.bool_]:
    """`count` hairs, `size` mm thick, that lie towards `angle`, bent by `curl`; where they are.

    The first hairs of a larger count are those of a smaller one.
    """
    rng = np.random.default_rng(artefact.seed)
    shaved = rng.random() < _SHAVED
    spread = rng.uniform(0.08, 0.6)
    paths, halves, dense = _paths(artefact, rng.random((artefact.count, 12)), shaved, spread, view.camera.field)
    pixel = view.camera.field / view.size  # mm
    drawn = np.maximum(halves, 0.3 * pixel)  # thinner lines can't be drawn: they get paler instead
    paler = (halves / drawn).mean(1)
    ends = np.concatenate([paths[:, :1], paths, paths[:, -1:]], 1)
    step = ends[:, 2:] - ends[:, :-2]
    normal = np.stack([-step[..., 1], step[..., 0]], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    aside = normal * (drawn / view.camera.field)[..., None]
    outlines = paint.canvas_points(view, np.concatenate([paths + aside, (paths - aside)[:, ::-1]], 1))
    canvas = view.canvas()
    for outline, value in zip(outlines, np.rint(255 * dense * paler).astype(int).tolist(), strict=True):
        cv2.fillPoly(canvas, [outline], value, cv2.LINE_AA, 4)
    cover = paint.covered(view, canvas)
    _shade(view, light, cover * np.float32(artefact.strength))
    return paint.lay(light, cover, artefact.colour, artefact.strength)


def _paths(
    artefact: Artefact, chance: NDArray[np.float64], shaved: bool, spread: float, field: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Midlines (n, points, 2) in image widths from the centre, half widths (n, points) in mm, and densities (n,)."""
    count = len(chance)
    t = np.linspace(0, 1, _POINTS)
    about = 2 * (chance[:, :3].sum(1) - 1.5)  # bell-shaped, deviation 1
    bend = 2 * (chance[:, 3:6].sum(1) - 1.5)
    length = (0.6 + 1.9 * chance[:, 6]) if shaved else 4.0 * 4.5 ** chance[:, 6]  # mm
    curl = 0.15 * artefact.curl if shaved else artefact.curl
    heading = artefact.angle + spread * about[:, None] + curl * 2.2 * bend[:, None] * (t - 0.4)
    waves = np.maximum(0.6, length * (0.05 + 0.25 * curl))[:, None]  # coils a hair
    heading = heading + 1.7 * curl**2 * np.sin(2 * np.pi * (waves * t + chance[:, 7, None]))
    step = (length / field / (_POINTS - 1))[:, None, None]
    path = (step * np.stack([np.cos(heading), np.sin(heading)], -1)).cumsum(1)
    path += 1.3 * (chance[:, None, 8:10] - 0.5) - path[:, _POINTS // 2, None]
    tip = np.ones((count, _POINTS)) if shaved else 1 - 0.75 * t**2.5 * np.ones((count, 1))
    half = 0.5 * artefact.size * (0.65 + 0.6 * chance[:, 10, None]) * tip
    return path, half, 0.8 + 0.2 * chance[:, 11]


def _shade(view: View, light: Field, cover: Field) -> None:
    """A soft shadow on the skin, where light comes from one side: deep in the open, faint under a dermoscope."""
    camera = view.camera
    depth = 0.35 if camera.modality == "clinical" else 0.0 if camera.polarised else 0.1
    if not depth:
        return
    far = 0.12 / view.mm  # the hair floats a little above the skin
    shift = np.array([[1, 0, far * -math.cos(camera.slope_angle)], [0, 1, far * -math.sin(camera.slope_angle)]])
    shadow = cv2.warpAffine(cover, shift, (view.width, view.height))
    light *= 1 - np.float32(depth) * view.soften(shadow, 0.06)[..., None]
