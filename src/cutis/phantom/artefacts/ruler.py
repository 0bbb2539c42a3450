"""Rulers: black millimetre ticks on the dermoscope's plate; a strip of paper in clinical photographs."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cutis.phantom.artefacts import paint
from cutis.phantom.parts import Artefact
from cutis.phantom.view import Field, View

_PAPER = (238, 236, 228)
# Strokes of each digit in a box 0..0.6 by 0..1, y down.
_DIGITS: dict[str, list[list[tuple[float, float]]]] = {
    "0": [[(0.3, 0), (0.55, 0.2), (0.55, 0.8), (0.3, 1), (0.05, 0.8), (0.05, 0.2), (0.3, 0)]],
    "1": [[(0.1, 0.2), (0.35, 0), (0.35, 1)]],
    "2": [[(0.05, 0.2), (0.3, 0), (0.55, 0.2), (0.5, 0.45), (0.05, 1), (0.6, 1)]],
    "3": [[(0.05, 0.1), (0.35, 0), (0.55, 0.22), (0.3, 0.46), (0.58, 0.72), (0.35, 1), (0.05, 0.9)]],
    "4": [[(0.45, 1), (0.45, 0), (0.03, 0.7), (0.6, 0.7)]],
    "5": [[(0.55, 0), (0.12, 0), (0.08, 0.45), (0.38, 0.4), (0.57, 0.68), (0.35, 1), (0.05, 0.9)]],
    "6": [[(0.5, 0.05), (0.2, 0.3), (0.06, 0.7), (0.3, 1), (0.55, 0.75), (0.35, 0.5), (0.08, 0.65)]],
    "7": [[(0.03, 0), (0.58, 0), (0.2, 1)]],
    "8": [
        [(0.3, 0.46), (0.08, 0.22), (0.3, 0), (0.52, 0.22), (0.3, 0.46)],
        [(0.3, 0.46), (0.04, 0.74), (0.3, 1), (0.56, 0.74), (0.3, 0.46)],
    ],
    "9": [[(0.52, 0.35), (0.25, 0.5), (0.05, 0.25), (0.3, 0), (0.54, 0.3), (0.4, 0.7), (0.1, 0.97)]],
}  # fmt: skip


def ruler(view: View, artefact: Artefact, light: Field) -> NDArray[np.bool_]:
    """`count` millimetres of ticks, each `size` mm wide, along a line through (x, y) towards `angle`, on its left hand.

    Every fifth and tenth tick is longer. By the seed there are digits, the line itself, half millimetres.
    """
    rng = np.random.default_rng(artefact.seed)
    digits, line, halves, start = rng.random() < 0.6, rng.random() < 0.4, rng.random() < 0.3, int(rng.integers(0, 10))
    along = np.array([np.cos(artefact.angle), np.sin(artefact.angle)])
    up = np.array([along[1], -along[0]])

    def place(points: NDArray[np.float64]) -> NDArray[np.int32]:
        """(n, 2) mm along the ruler from its middle and to its side."""
        widths = points @ np.array([along, up]) / view.camera.field
        return paint.canvas_points(view, widths + np.array([artefact.x, artefact.y]))

    mask = np.zeros(view.shape, bool)
    reach = artefact.count / 2
    if view.camera.modality == "clinical":
        canvas = view.canvas()
        corners = np.array([(-reach - 2, -1), (reach + 2, -1), (reach + 2, 8), (-reach - 2, 8)], float)
        cv2.fillPoly(canvas, [place(corners)], 255, cv2.LINE_AA, 4)
        mask |= paint.lay(light, paint.covered(view, canvas), _PAPER, artefact.strength)
    canvas = view.canvas()
    numbers = np.arange(start, start + artefact.count + 1)
    lengths = np.where(numbers % 10 == 0, 2.4, np.where(numbers % 5 == 0, 1.7, 1.0))
    at = numbers - start - reach
    if halves:
        at, lengths = np.append(at, at[:-1] + 0.5), np.append(lengths, np.full(artefact.count, 0.6))
    lines = [place(np.array([(x, 0.0), (x, long)])) for x, long in zip(at, lengths, strict=True)]
    if line:
        lines.append(place(np.array([(-reach, 0.0), (reach, 0.0)])))
    cv2.polylines(canvas, lines, False, 255, view.thick(artefact.size), cv2.LINE_AA, 4)
    if digits:
        tall = 1.3
        for number in numbers[numbers % 10 == 0]:
            text = str(number // 10)
            strokes = [np.array(stroke) for digit in text for stroke in _DIGITS[digit]]
            corner = np.array([number - start - reach - 0.3 * tall, 2.8 + tall])
            marks = [place(corner + stroke * (tall, -tall)) for stroke in strokes]
            cv2.polylines(canvas, marks, False, 255, view.thick(1.2 * artefact.size), cv2.LINE_AA, 4)
    return mask | paint.lay(light, paint.covered(view, canvas), artefact.colour, artefact.strength)
