"""Ink, colour patches and stickers."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cutis.phantom.artefacts import paint
from cutis.phantom.parts import Artefact
from cutis.phantom.view import Field, View


def ink(view: View, artefact: Artefact, light: Field) -> NDArray[np.bool_]:
    """`count` strokes of a skin marker, `size` mm wide, around (x, y), through which the skin shows.

    By the seed the strokes are lines beside one another, arcs of a ring, or dots.
    """
    rng = np.random.default_rng(artefact.seed)
    style, radius = rng.random(), rng.uniform(3.5, 6.5)  # mm
    wet, fibre = view.noise(rng, 2.0), view.noise(rng, 0.16)
    canvas = view.canvas()
    middle = np.array([artefact.x, artefact.y])
    t = np.linspace(-0.5, 0.5, 16)
    for chance in rng.random((artefact.count, 5)):
        long, turn = 2.5 + 5 * chance[0], artefact.angle + 0.5 * (chance[1] - 0.5)
        along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
        if style < 0.5:
            aside = 5 * (chance[2] - 0.5) + 0.6 * (chance[3] - 0.5) * np.sin(5 * t + 6 * chance[4])
            path = long * t[:, None] * along + aside[:, None] * across
        elif style < 0.8:
            angles = artefact.angle + 2 * np.pi * chance[2] + long / radius * t
            path = radius * np.column_stack([np.cos(angles), np.sin(angles)])
        else:
            path = 7 * (chance[2:4] - 0.5) + 0.02 * t[:, None]
        points = paint.canvas_points(view, middle + path / view.camera.field)
        cv2.polylines(canvas, [points], False, 255, view.thick(artefact.size * (0.7 + 0.6 * chance[4])), cv2.LINE_AA, 4)
    soft = view.soften(view.shrink(canvas), 0.12) * (0.75 + 0.22 * wet + 0.08 * fibre).clip(0.3, 1)
    cover = cv2.threshold(soft, paint.FAINT, 0, cv2.THRESH_TOZERO)[1]
    mask, window = paint.touched(cover)
    passed = 1 - paint.linear(artefact.colour)  # ink absorbs: on dark skin it is darker still
    light[window] *= 1 - np.float32(0.92 * artefact.strength) * cover[window][..., None] * passed
    return mask


def colour_patch(view: View, artefact: Artefact, light: Field) -> NDArray[np.bool_]:
    """A coloured round patch, `size` mm across, around (x, y), as photographs of children's naevi show them."""
    rng = np.random.default_rng(artefact.seed)
    squeeze, grain, shade = rng.uniform(0.85, 1.0), view.noise(rng, 0.4), view.noise(rng, 9.0)
    turn = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    radius = artefact.size / 2 * (1 + 0.012 * np.sin(3 * turn + rng.uniform(0, 6)))
    outline = np.column_stack([np.cos(turn), squeeze * np.sin(turn)]) * radius[:, None]
    cover = _shape(view, artefact, outline)
    rim = np.float32(0.2) * (1 - view.soften(cover, 0.25))
    return _paint(light, cover, artefact, 1 + 0.03 * grain + 0.07 * shade - rim)


def sticker(view: View, artefact: Artefact, light: Field) -> NDArray[np.bool_]:
    """A paper label with print on it, `size` mm wide, around (x, y), turned by `angle`."""
    rng = np.random.default_rng(artefact.seed)
    wide, tall = artefact.size / 2, artefact.size * rng.uniform(0.25, 0.4)
    grain, shade = view.noise(rng, 0.3), view.noise(rng, 8.0)
    round_, quarter = 0.12 * tall, np.linspace(0, np.pi / 2, 6)
    corners = [
        np.column_stack([np.cos(quarter + k * np.pi / 2), np.sin(quarter + k * np.pi / 2)]) * round_
        + np.array([wide - round_, tall - round_]) * ((1, 1), (-1, 1), (-1, -1), (1, -1))[k]
        for k in range(4)
    ]
    mask = _paint(light, _shape(view, artefact, np.vstack(corners)), artefact, 1 + 0.02 * grain + 0.05 * shade)
    canvas = view.canvas()
    print_: list[NDArray[np.int32]] = []
    for row in np.arange(-0.7, 0.8, 0.28):
        ends = np.sort(rng.uniform(-0.85, 0.85, (9, 2)), 1)
        ends[:, 1] = np.minimum(ends[:, 1], ends[:, 0] + 0.18)
        print_ += [_place(view, artefact, np.array([(a * wide, row * tall), (b * wide, row * tall)])) for a, b in ends]
    cv2.polylines(canvas, print_, False, 255, view.thick(0.07 * tall), cv2.LINE_AA, 4)
    paint.lay(light, paint.covered(view, canvas) * mask, (52, 50, 56), 0.8 * artefact.strength)
    return mask


def _place(view: View, artefact: Artefact, points: NDArray[np.float64]) -> NDArray[np.int32]:
    """(n, 2) mm from the artefact's centre, before it is turned by its angle -> canvas pixels."""
    cos, sin = np.cos(artefact.angle), np.sin(artefact.angle)
    turned = points @ np.array([[cos, sin], [-sin, cos]]) / view.camera.field
    return paint.canvas_points(view, turned + np.array([artefact.x, artefact.y]))


def _shape(view: View, artefact: Artefact, outline: NDArray[np.float64]) -> Field:
    canvas = view.canvas()
    cv2.fillPoly(canvas, [_place(view, artefact, outline)], 255, cv2.LINE_AA, 4)
    return paint.covered(view, canvas)


def _paint(light: Field, cover: Field, artefact: Artefact, shade: Field) -> NDArray[np.bool_]:
    """Lay the artefact's colour, times `shade`, as opaque as its strength."""
    mask, window = paint.touched(cover)
    colour = shade[window][..., None] * paint.linear(artefact.colour)
    under = light[window]
    under += np.float32(artefact.strength) * cover[window][..., None] * (colour - under)
    return mask
