"""Draw one lesion: its pigment, then its structures, and mark the truth."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from cutis.phantom.layers import Layers
from cutis.phantom.lesion import areas, keratotic, melanocytic, vascular
from cutis.phantom.lesion.outline import lopsided, outline
from cutis.phantom.scene import Camera, Lesion, Structure
from cutis.phantom.view import Field, Ground, lesion_box

Drawer = Callable[[Ground, Structure, Field, Layers], NDArray[np.bool_]]
# In the order in which they are laid down: areas hide the lines and specks of the lesion's pigment.
DRAWERS: dict[str, Drawer] = {**melanocytic.DRAWERS, **areas.DRAWERS, **vascular.DRAWERS, **keratotic.DRAWERS}
_ORDER = {kind: place for place, kind in enumerate(DRAWERS)}


def draw_lesion(camera: Camera, size: int, lesion: Lesion, layers: Layers) -> tuple[int, int, int, int, str] | None:
    """Lay `lesion` into `layers` and mark the masks of it ("lesion") and of each structure that the picture shows.

    Returns the mask's (left, top, right, bottom) in pixels of the picture, right and bottom beyond the last, and the
    diagnosis; None, and nothing is changed, if the lesion is out of the picture. The order in which the lesion lists
    its structures doesn't matter, unless they are of one kind.
    """
    left, top, right, bottom = lesion_box(camera, size, lesion)
    if right <= left or bottom <= top:
        return None
    ground = Ground(camera, size, lesion)
    rng = np.random.default_rng(lesion.lesion_seed)
    cover, mask = outline(ground, rng)
    if not mask.any():
        return None
    planes = [plane[ground.part] for plane in (layers.melanin, layers.blood, layers.deep, layers.relief)]
    before, covers = [plane.copy() for plane in planes], len(layers.covers)
    _pigment(ground, rng, cover, layers)
    for structure in sorted(lesion.structures, key=lambda s: _ORDER[s.kind]):
        where = DRAWERS[structure.kind](ground, structure, cover, layers)
        layers.mark(structure.kind, ground.part, where)
        mask |= where
    # structures are blurred a little beyond the mask: without this it wouldn't be exact
    for plane, was in zip(planes, before, strict=True):
        np.copyto(plane, was, where=~mask)
    for _, opacity, _ in layers.covers[covers:]:
        opacity *= mask
    layers.mark("lesion", ground.part, mask)
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    return left + x, top + y, left + x + width, top + y + height, lesion.diagnosis


def _pigment(ground: Ground, rng: np.random.Generator, cover: Field, layers: Layers) -> None:
    """Melanin, blood and deep melanin of the lesion as a whole.

    Never so uneven that some part of the lesion has none: the lesion's mask would show skin there.
    """
    lesion = ground.lesion
    large, middle = ground.noise(rng, 0.7 * lesion.radius), ground.noise(rng, 0.24 * lesion.radius)
    fine, grain = ground.noise(rng, 0.09 * lesion.radius), ground.noise(rng, 0.2)
    fall = rng.uniform(-0.1, 0.8)  # darker in the middle, mostly
    noise = np.float32(0.9) * large + np.float32(0.75) * middle + np.float32(0.5) * fine + np.float32(0.3) * grain
    shade = cv2.exp(np.float32(lesion.mottle) * noise).clip(0.3, 3.0)
    shade *= 1 + np.float32(fall) * (np.float32(0.6) - ground.distance.clip(0, 1.2))
    shade *= lopsided(ground)
    layers.melanin[ground.part] += cover * shade * np.float32(lesion.pigment)
    flush = np.float32(0.5) * middle - np.float32(0.3) * large
    flush += np.float32(0.35) * ground.noise(rng, 0.4 * lesion.radius)
    if lesion.redness:
        layers.blood[ground.part] += cover * cv2.exp(flush).clip(0.25, 3.0) * np.float32(lesion.redness)
    if lesion.depth:
        layers.deep[ground.part] += cover * (1 - np.float32(0.6) * flush).clip(0.4, 1.6) * np.float32(lesion.depth)
