"""Blood seen through the skin: lacunae, the red pseudonetwork, vessels of all shapes.

Shapes follow the third consensus on dermoscopy (Kittler et al., JAAD 2016) and Argenziano et al. (Arch Dermatol
2004;140:1485). Blood lies under the epidermis: under much melanin, in dark skin and dark lesions, vessels fade.
Masks hold the vessels themselves; that of the pseudonetwork is its area.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from cutis.phantom.layers import Layers
from cutis.phantom.lesion.elements import lines, ovals, sizes, smooth, spread, wander
from cutis.phantom.lesion.place import how_many, reach, specks, visible
from cutis.phantom.parts import Structure
from cutis.phantom.view import Field, Ground

# Linear RGB reflectance. Our own picks, looked at beside HAM10000's pictures.
_HALO = (0.72, 0.52, 0.44)  # pale rim of a follicle
_YELLOW = (0.62, 0.46, 0.24)  # its plug of keratin
_BED = (0.50, 0.10, 0.14)  # between lacunae
_THROMBUS = (0.016, 0.008, 0.022)
_BLOOD = (0.34, 0.018, 0.032)  # blood lying free, in lakes and wide vessels: only red light comes back
_PURPLE = (0.085, 0.012, 0.045)  # where it lies deeper or stagnates
_VESSEL = 0.1  # blood fraction that a vessel adds at strength 1


def lacunae(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """Well-outlined red lakes, `size` mm across, packed; irregular: purple and unequal, some thrombosed."""
    rng = np.random.default_rng(structure.seed)
    count, irregular = how_many(ground, structure, 0.95 * structure.size), structure.irregularity
    even = 1 - 0.35 * irregular
    middles = ground.strew(rng, count, structure.x, structure.y, structure.extent, even)
    middles += rng.normal(0, 0.12 * structure.size, (count, 2))
    across = sizes(structure, rng, count)
    purple = rng.random(count) * (0.2 + 0.8 * irregular)
    black = (rng.random(count) < 0.35 * irregular**2) * rng.uniform(0.5, 1, count)
    shades = np.column_stack([np.ones(count), purple, black])
    lakes = ground.soften(ovals(ground, rng, middles, across, ragged=0.12, stretch=0.12, shades=shades), 0.07)
    shape, purpled, thrombosed = (np.ascontiguousarray(lakes[..., k]) * cover for k in range(3))
    strength = np.float32(structure.strength)
    under = _through(ground, layers) * strength
    bed = smooth(ground.soften(shape, structure.size * 0.5), 0, 0.7) * cover  # smaller spaces between the lakes
    uneven = np.float32(0.8) + np.float32(0.15) * ground.noise(rng, 0.4)
    layers.blood[ground.part] += bed * strength * np.float32(0.08)
    layers.cover(ground.part, bed * under * np.float32(0.4), _BED)
    layers.cover(ground.part, shape * under * uneven, _BLOOD)
    layers.cover(ground.part, purpled * under * np.float32(0.8), _PURPLE)
    if black.any():
        layers.cover(ground.part, thrombosed * strength * np.float32(0.85), _THROMBUS)
    return visible(structure, shape)


def strawberry_pattern(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """Red pseudonetwork: redness broken by pale follicles `size` mm apart, with yellowish plugs.

    Zalaudek et al., Br J Dermatol 2006. Three plane waves at 120 degrees meet in the follicles; noise bends them.
    """
    rng = np.random.default_rng(structure.seed)
    size = max(structure.size, 0.1)
    turn = rng.uniform(0, 2 * np.pi)
    bend = np.float32(0.55 + 0.35 * structure.irregularity)
    one, two = (ground.noise(rng, size * 2.2) * bend for _ in range(2))
    lattice = np.zeros(ground.shape, np.float32)
    for third, drift in enumerate((one, two, -one - two)):
        phase = ground.wave(turn + third * 2 * np.pi / 3, size * math.sqrt(3) / 2) + drift
        lattice += np.cos(phase)
    lattice *= np.float32(1 / 3)  # 1 in follicles, down to -0.5 between them
    lattice += np.float32(0.3 + 0.25 * structure.irregularity) * ground.noise(rng, size * 1.3)  # of unequal size
    where = reach(ground, structure, soft=0.5) * cover
    amount = where * np.float32(structure.strength)
    haze = np.float32(0.8) + np.float32(0.35) * ground.noise(rng, size * 3)
    layers.blood[ground.part] += smooth(lattice, 0.55, 0.1) * haze * amount * np.float32(0.085)
    layers.cover(ground.part, smooth(lattice, 0.1, 1.1) * amount * np.float32(0.25), _HALO)
    layers.cover(ground.part, smooth(lattice, 0.85, 1.2) * amount * np.float32(0.35), _YELLOW)
    return visible(structure, where)


def arborising_vessels(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """Bright red trees, sharp: stems `size` mm wide that come in from the border and branch ever finer."""
    rng = np.random.default_rng(structure.seed)
    radius = ground.lesion.radius
    count = min(structure.count or 4, 12)
    middle = radius * np.array([structure.x, structure.y])
    side = rng.uniform(0, 2 * np.pi) + np.arange(count) * 2 * np.pi / count + rng.normal(0, 0.5, count)
    starts = middle + np.column_stack([np.cos(side), np.sin(side)]) * radius * structure.extent
    headings = side + np.pi + rng.normal(0, 0.5, count)
    widths = sizes(structure, rng, count)
    lengths = radius * structure.extent * rng.uniform(0.7, 1.3, count)
    canvas = ground.canvas()
    bend = 0.16 + 0.2 * structure.irregularity
    for corners, branches in ((18, 3), (14, 2), (10, 0)):  # stems, branches, twigs
        paths = wander(rng, starts, headings, lengths, corners=corners, bend=bend)
        lines(ground, canvas, paths, widths)
        if branches:
            at = rng.integers(2, corners - 1, (len(paths), branches))
            rows = np.arange(len(paths))[:, None]
            ahead = paths[rows, at + 1] - paths[rows, at]
            fork = rng.uniform(0.35, 0.9, at.shape) * rng.choice([-1.0, 1.0], at.shape)
            starts = paths[rows, at].reshape(-1, 2)
            headings = (np.arctan2(ahead[..., 1], ahead[..., 0]) + fork).ravel()
            widths = (widths[:, None] * rng.uniform(0.4, 0.65, at.shape)).ravel()
            lengths = (lengths[:, None] * rng.uniform(0.3, 0.6, at.shape)).ravel()
    return _bleed(ground, structure, ground.shrink(canvas) * cover, layers)


def irregular_vessels(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """Short red lines, `size` mm wide, straight to twisted, of uneven width."""
    rng = np.random.default_rng(structure.seed)
    count = how_many(ground, structure, 1.0)
    starts = spread(ground, structure, rng, count)
    lengths = rng.uniform(0.5, 1.4, count) * min(1.0, 0.5 * ground.lesion.radius)
    bend = 0.25 + 0.5 * structure.irregularity
    paths = wander(rng, starts, rng.uniform(0, 2 * np.pi, count), lengths, corners=9, bend=bend)
    widths = sizes(structure, rng, count)
    canvas = ground.canvas()
    lines(ground, canvas, paths, widths)
    lines(ground, canvas, paths[:, 3:7], widths * (1 + 0.8 * structure.irregularity))  # thicker midway
    return _bleed(ground, structure, ground.shrink(canvas) * cover, layers)


def glomerular_vessels(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """Coils of capillaries, `size` mm across, like glomeruli of the kidney; irregular: in clusters."""
    rng = np.random.default_rng(structure.seed)
    count = how_many(ground, structure, 2.5 * structure.size)
    middles, across = spread(ground, structure, rng, count), sizes(structure, rng, count)
    t = np.linspace(0, 1, 16)
    turn = rng.uniform(0, 2 * np.pi, (count, 1)) + t * rng.uniform(8, 13, (count, 1))
    far = across[:, None] / 2 * (0.15 + 0.85 * t) * (1 + 0.2 * rng.standard_normal((count, 16)))
    coils = middles[:, None] + np.stack([np.cos(turn), np.sin(turn)], axis=-1) * far[..., None]
    canvas = ground.canvas()
    lines(ground, canvas, coils, across * 0.13)
    blur = specks(ground, rng, middles, across, 0.2) * np.float32(0.45)  # loops out of focus
    return _bleed(ground, structure, np.maximum(ground.shrink(canvas), blur) * cover, layers)


def dotted_vessels(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """Red points, `size` mm across: loops seen end on. Evenly strewn; irregular: in heaps, of unequal size."""
    rng = np.random.default_rng(structure.seed)
    count = how_many(ground, structure, 0.35)
    middles, across = spread(ground, structure, rng, count), sizes(structure, rng, count)
    return _bleed(ground, structure, specks(ground, rng, middles, across, 0.3) * cover, layers)


def _bleed(ground: Ground, structure: Structure, shape: Field, layers: Layers) -> NDArray[np.bool_]:
    """Fill vessels of coverage `shape` with blood, sharp, with a faint red haze around; returns where."""
    strength = np.float32(structure.strength)
    layers.blood[ground.part] += ground.soften(shape, 0.06) * strength * np.float32(_VESSEL)
    layers.cover(ground.part, shape * _through(ground, layers) * strength * np.float32(0.7), _BLOOD)
    return visible(structure, shape)


def _through(ground: Ground, layers: Layers) -> Field:
    """Share of what lies just under the epidermis that its melanin lets be seen, 0..1; our own measure."""
    return cv2.exp(layers.melanin[ground.part] * np.float32(-4))


# In the order in which they lie on each other.
DRAWERS = {
    "lacunae": lacunae,
    "strawberry_pattern": strawberry_pattern,
    "arborising_vessels": arborising_vessels,
    "irregular_vessels": irregular_vessels,
    "glomerular_vessels": glomerular_vessels,
    "dotted_vessels": dotted_vessels,
}
