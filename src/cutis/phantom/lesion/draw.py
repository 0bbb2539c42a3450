"""Draw one lesion: its pigment, then its structures, and mark the truth."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from cutis.phantom.layers import Layers
from cutis.phantom.lesion import areas, keratotic, melanocytic, vascular
from cutis.phantom.lesion.outline import lattice, lopsided, outline
from cutis.phantom.parts import Camera, Lesion, Structure
from cutis.phantom.view import Field, Ground

Drawer = Callable[[Ground, Structure, Field, Layers], NDArray[np.bool_]]
# In the order in which they are laid down: areas hide the lines and specks of the lesion's pigment.
DRAWERS: dict[str, Drawer] = {**melanocytic.DRAWERS, **areas.DRAWERS, **vascular.DRAWERS, **keratotic.DRAWERS}
_SPOTS = ((0.7, 0.9), (0.24, 0.75), (0.09, 0.5))  # of pigment: bumps' distance in radii, and their depth
_ALONG = (-0.3, 0.5, 0.0)  # how far redness goes with each
_ORDER = {kind: place for place, kind in enumerate(DRAWERS)}


def draw_lesion(camera: Camera, size: int, lesion: Lesion, layers: Layers) -> tuple[int, int, int, int, str] | None:
    """Lay `lesion` into `layers` and mark the masks of it ("lesion") and of each structure that the picture shows.

    Returns the mask's (left, top, right, bottom) in pixels of the picture, right and bottom beyond the last, and the
    diagnosis; None, and nothing is changed, if the lesion is out of the picture. The order in which the lesion lists
    its structures doesn't matter, unless they are of one kind.
    """
    ground = Ground(camera, size, lesion)
    if min(ground.shape) <= 0:
        return None
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
    outside = (~mask).view(np.uint8)
    for plane, was in zip(planes, before, strict=True):
        cv2.copyTo(was, outside, plane)
    for _, opacity, _ in layers.covers[covers:]:
        opacity *= mask
    layers.mark("lesion", ground.part, mask)
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    left, top, *_ = ground.box
    return left + x, top + y, left + x + width, top + y + height, lesion.diagnosis


def _pigment(ground: Ground, rng: np.random.Generator, cover: Field, layers: Layers) -> None:
    """Melanin, blood and deep melanin of the lesion as a whole.

    Never so uneven that some part of the lesion has none: the lesion's mask would show skin there.
    """
    lesion = ground.lesion
    spots = [(period * lesion.radius, weight * lesion.mottle) for period, weight in _SPOTS]
    # redness follows the larger ones of the pigment's spots
    mix = [(period, (weight, along)) for (period, weight), along in zip(spots, _ALONG, strict=True)]
    mix += [(0.4 * lesion.radius, (0.0, 0.35)), (0.2, (0.3 * lesion.mottle, 0.0))]
    red = ground.coarse(0.24 * lesion.radius)
    noise, flush = ground.noises(rng, mix, 1, red)
    fall = rng.uniform(-0.1, 0.8)  # darker in the middle, mostly
    step = lattice(ground)
    form = np.float32(1 + 0.6 * fall) - np.float32(fall) * np.minimum(ground.polar(step)[0], 1.2)
    form *= lopsided(ground, step) * np.float32(lesion.pigment)
    shade = cv2.exp(noise)
    np.clip(shade, 0.3, 3.0, out=shade)
    shade *= ground.enlarge(form, step)
    shade *= cover
    layers.melanin[ground.part] += shade
    if lesion.redness:
        much = cv2.exp(flush).clip(0.25, 3.0) * np.float32(lesion.redness)
        layers.blood[ground.part] += cover * ground.enlarge(much, red)
    if lesion.depth:
        much = (1 - np.float32(0.6) * flush).clip(0.4, 1.6) * np.float32(lesion.depth)
        layers.deep[ground.part] += cover * ground.enlarge(much, red)
