"""What lies on skin, drawn onto any picture by the phantom's drawers, in five severities: hair, ruler, ink, bubbles.

A picture doesn't say how large it is: its longer side is taken for `FIELD` mm of skin. As everywhere, fewer hairs,
strokes or bubbles are the first of more, on the same image with the same seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from cutis.image.colour import linear_to_srgb, srgb_to_linear
from cutis.image.corruptions.base import Corruption, Image, Value, first
from cutis.phantom.artefacts import lay_artefacts, sample_artefact
from cutis.phantom.layers import Layers
from cutis.phantom.parts import Artefact, Camera, Skin
from cutis.phantom.photograph.gel import add_bubbles
from cutis.phantom.view import Field, View

FIELD = 14.0  # mm: dermoscopes show 8 to 17
_SKIN = Skin(melanin=0.08)  # decides on colours only: mostly dark hair, sometimes fair; black ticks
_RULER_EDGE = 0.44  # of the side: where a ruler's ticks begin, from the middle

Rng = np.random.Generator


def _hair(count: float, rng: Rng, width: float, height: float) -> Artefact:
    made = sample_artefact(rng, "hair", _SKIN)
    return replace(made, count=round(count), size=max(made.size, 0.05))


def _ruler(length: float, rng: Rng, width: float, height: float) -> Artefact:
    """From a corner along one of the four sides, ticks pointing in. width, height: shares of the longer side."""
    made = sample_artefact(rng, "ruler", _SKIN)
    side = round(made.angle / (np.pi / 2)) * np.pi / 2
    cos, sin = float(np.cos(side)), float(np.sin(side))
    count = round(length)
    ahead = count / 2 / FIELD - 0.5 * abs(cos * width + sin * height)  # of its middle, from the side's middle
    return replace(
        made, count=count, angle=side, strength=max(made.strength, 0.8),
        x=ahead * cos - _RULER_EDGE * width * sin, y=ahead * sin + _RULER_EDGE * height * cos,
    )  # fmt: skip


def _ink(strokes: float, rng: Rng, width: float, height: float) -> Artefact:
    made = sample_artefact(rng, "ink", _SKIN)
    return replace(
        made, count=round(strokes), x=made.x * width, y=made.y * height, strength=max(made.strength, 0.75)
    )  # fmt: skip


def _laid(make: Callable[[float, Rng, float, float], Artefact]) -> Callable[[Image, Value, Rng], Image]:
    """A drawer of artefacts as a corruption's `draw`."""

    def draw(image: Image, value: Value, rng: Rng) -> Image:
        view, layers = _view(image, Camera(field=FIELD))
        one = make(first(value), rng, view.width / view.size, view.height / view.size)
        return _picture(image, lay_artefacts(view, (one,), _light(image), layers))

    return draw


def _bubbles(image: Image, value: Value, rng: Rng) -> Image:
    camera = Camera(
        field=FIELD, bubbles=round(first(value)), polarised=bool(rng.random() < 0.5),
        slope_angle=float(rng.uniform(0, 2 * np.pi)), photo_seed=int(rng.integers(2**32)),
    )  # fmt: skip
    view, layers = _view(image, camera)
    light = _light(image)
    add_bubbles(view, camera, light, layers)
    return _picture(image, light)


def _view(image: Image, camera: Camera) -> tuple[View, Layers]:
    """A window of the image's shape in the middle of a square as wide as its longer side, and empty layers."""
    height, width = image.shape[:2]
    size = max(height, width)
    left, top = (size - width) // 2, (size - height) // 2
    return View(camera, size, box=(left, top, left + width, top + height)), Layers.plain(size, 0.0, 0.0)


def _light(image: Image) -> Field:
    return _TABLE[image]


def _picture(image: Image, light: Field) -> Image:
    """sRGB of `light` where it was changed; elsewhere the image itself."""
    changed = (light != _light(image)).any(-1)
    drawn = image.copy()
    drawn[changed] = np.rint(255 * linear_to_srgb(light[changed].clip(0, 1))).astype(np.uint8)
    return drawn


_TABLE = srgb_to_linear(np.arange(256) / 255).astype(np.float32)

CORRUPTIONS: dict[str, Corruption] = {
    c.name: c
    for c in (
        Corruption("hair", "skin", "hairs", "hairs", (4, 10, 22, 45, 80), 0, 2000, _laid(_hair)),
        Corruption("ruler", "skin", "a ruler along a side", "mm of ticks", (2, 4, 7, 10, 14), 0, 200, _laid(_ruler)),
        Corruption("ink", "skin", "strokes of a skin marker", "strokes", (1, 2, 3, 5, 8), 0, 200, _laid(_ink)),
        Corruption("gel_bubbles", "skin", "air bubbles in the gel", "bubbles", (4, 9, 18, 35, 65), 0, 500, _bubbles),
    )
}
