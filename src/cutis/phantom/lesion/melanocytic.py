"""Structures of melanocytic lesions: network, globules, dots, streaks, and shiny white lines.

Each drawer adds to the planes of `ground.part` in place and returns where: (h, w) bool. A network's mask is the area
that it fills, holes included, as annotators of ISIC 2018's attributes mark it; that of specks and strokes is the
elements themselves.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cutis.phantom.layers import Layers
from cutis.phantom.lesion.amounts import added
from cutis.phantom.lesion.edge import border
from cutis.phantom.lesion.place import how_many, net, reach, specks, strokes, visible
from cutis.phantom.parts import Structure
from cutis.phantom.view import Field, Ground

_MEAN = 0.4  # share of the area that a net's lines cover: what is left of a net too fine for the picture
_HOLES = 0.2  # of the lesion's pigment is missing in a net's holes
_NEGATIVE = 0.75  # of the lesion's pigment is missing on the lines of a negative network
_FAINT = 0.1  # coverage of strokes below this is left out
PSEUDOPODS = 0.5  # irregularity from which streaks end in bulbs


def pigment_network(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """Brown lines around lighter holes `size` mm apart. Irregular: broad, uneven, in patches."""
    rng = np.random.default_rng(structure.seed)
    irregular = structure.irregularity
    lines, resolved = net(ground, rng, max(structure.size, 0.1), irregular)
    apart = 1.1 * ground.lesion.radius**0.5
    step = ground.coarse(apart)
    patchy = (0.85 + np.float32(0.4 + 0.35 * irregular) * ground.noise(rng, apart, step)).clip(0.1, 1.8)
    patchy *= np.float32(structure.strength)
    where = reach(ground, structure, soft=0.5) * cover
    dark, pale = added("pigment_network", ground.lesion), _HOLES * ground.lesion.pigment
    lines *= np.float32(resolved * (dark + pale))  # more on the lines, less in the holes
    lines += np.float32((1 - resolved) * _MEAN * (dark + pale) - pale)
    lines *= ground.enlarge(patchy, step)
    lines *= where
    layers.melanin[ground.part] += lines
    return visible(structure, where)


def negative_network(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """Light, winding lines around darker cells `size` mm apart."""
    rng = np.random.default_rng(structure.seed)
    lines, resolved = net(ground, rng, max(structure.size, 0.1), 0.4 + 0.6 * structure.irregularity, broad=0.1)
    where = reach(ground, structure, soft=0.5) * cover
    amount = where * np.float32(structure.strength * resolved)
    pale = np.float32(_NEGATIVE * ground.lesion.pigment) * lines
    dark = np.float32(added("negative_network", ground.lesion)) * (1 - lines)
    under = layers.melanin[ground.part]
    np.maximum(under + amount * (dark - pale), 0.3 * under, out=under)
    return visible(structure, where)


def globules(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """Round brown clods `size` mm across, evenly strewn; irregular: of many sizes and shapes, in clusters."""
    shape = _clods(ground, structure, structure.size, 2.3 * structure.size, blur=0.03) * cover
    layers.melanin[ground.part] += shape * np.float32(structure.strength * added("globules", ground.lesion))
    return visible(structure, shape)


def dots(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """Black-brown points up to 0.12 mm across; irregular: in clusters and of many sizes."""
    shape = _clods(ground, structure, min(structure.size, 0.12), 0.5, blur=0.0) * cover
    layers.melanin[ground.part] += shape * np.float32(structure.strength * added("dots", ground.lesion))
    return visible(structure, shape)


def _clods(ground: Ground, structure: Structure, across: float, spacing: float, blur: float) -> Field:
    """Coverage of specks `across` mm in the median, `spacing` mm apart unless the structure counts them."""
    rng = np.random.default_rng(structure.seed)
    irregular, radius = structure.irregularity, ground.lesion.radius
    count = how_many(ground, structure, max(spacing, 0.05))
    middles = ground.strew(rng, count, structure.x, structure.y, structure.extent, even=0.95 * (1 - irregular))
    middles += rng.standard_normal((count, 2)) * 0.15 * spacing
    # irregular ones gather around three of themselves
    crowd = middles[rng.integers(0, count, 3)][rng.integers(0, 3, count)]
    pull = 0.75 * irregular * rng.random((count, 1))
    middles += (crowd - middles) * pull + rng.standard_normal((count, 2)) * (0.1 * radius * pull)
    sizes = across * np.exp((0.12 + 0.4 * irregular) * rng.standard_normal(count)).clip(0.4, 2.2)
    return ground.soften(specks(ground, rng, middles, sizes, irregular), blur)


def streaks(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """Dark strokes of width `size` mm outwards over the border, where it lies within reach.

    Regular: even radial streaming all along. Irregular: uneven in length and place, and with bulbs (pseudopods) at
    their ends. They pass the nominal border a little, and aren't cut off by `cover`.
    """
    rng = np.random.default_rng(structure.seed)
    lesion, irregular = ground.lesion, structure.irregularity
    around = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    edge = border(lesion, around) / lesion.radius
    far = np.hypot(edge * np.cos(around) - structure.x, edge * np.sin(around) - structure.y)
    allowed = around[far <= max(structure.extent * 1.15, far.min() + 0.2)]
    width = min(max(structure.size, 0.04), 0.3)
    count = min(
        structure.count
        or max(4, round(len(allowed) / 360 * 2 * np.pi * lesion.radius / ((3.5 + 3 * irregular) * width))),
        150,
    )

    heaps = rng.random(4)[rng.integers(0, 4, count)] + rng.normal(0, 0.06, count)
    at = (np.arange(count) + 0.5) / count * (1 - irregular) + heaps % 1 * irregular
    angles = allowed[(at * len(allowed)).astype(int).clip(0, len(allowed) - 1)] + rng.normal(0, 0.01, count)
    out = border(lesion, angles)
    length = np.minimum(0.22 * lesion.radius, 0.8) * np.exp((0.25 + 0.2 * irregular) * rng.standard_normal(count))
    beyond = np.minimum(0.07 * lesion.radius, 0.3) * (1 + (0.3 + 0.6 * irregular) * rng.uniform(-1, 1, count))
    along = np.array([0.0, 0.3, 0.6, 1.0])
    radii = (out + beyond)[:, None] + length.clip(0, 0.5 * out)[:, None] * (along - 1)
    lean = rng.normal(0, 0.25 + 0.5 * irregular, count)[:, None] * (along - 0.5) * width * 2
    turned = angles[:, None] + lean / radii
    paths = np.stack([np.cos(turned), np.sin(turned)], axis=-1) * radii[..., None]

    # thin and pale where they rise out of the lesion's pigment, and from bulbs or points at their ends
    canvas = ground.canvas()
    strokes(ground, canvas, paths[:, :2], 0.5 * width, 0.4)
    strokes(ground, canvas, paths[:, 1:3], 0.75 * width, 0.7)
    strokes(ground, canvas, paths[:, 2:], 0.75 * width if irregular >= PSEUDOPODS else 0.55 * width)
    if irregular >= PSEUDOPODS:
        strokes(ground, canvas, paths[:, 2:] * 0.15 + paths[:, 3:] * 0.85, 1.5 * width)
    # none at the mask's edge, as they end on plain skin
    shape = np.maximum(ground.soften(ground.shrink(canvas), 0.06) - np.float32(_FAINT), 0) * np.float32(
        1 / (1 - _FAINT)
    )
    layers.melanin[ground.part] += shape * np.float32(structure.strength * added("streaks", lesion))
    return (shape > 0) & (structure.strength > 0)


def shiny_white_lines(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """Short bright lines in two directions at right angles, `size` mm long. Seen in polarised light only."""
    rng = np.random.default_rng(structure.seed)
    count = how_many(ground, structure, 0.8)
    middles = ground.strew(rng, count, structure.x, structure.y, structure.extent)
    turn = rng.uniform(0, np.pi) + np.pi / 2 * rng.integers(0, 2, count)
    turn += rng.normal(0, 0.06 + 0.2 * structure.irregularity, count)
    long = max(structure.size, 0.2) * np.exp(0.3 * rng.standard_normal(count))
    if not ground.camera.polarised:
        return np.zeros(ground.shape, bool)
    step = np.column_stack([np.cos(turn), np.sin(turn)])[:, None] * (np.array([-0.5, 0.5]) * long[:, None])[..., None]
    canvas = ground.canvas()
    strokes(ground, canvas, middles[:, None] + step, 0.07)
    shape = ground.soften(ground.shrink(canvas), 0.05) * cover
    layers.cover(ground.part, shape * np.float32(0.3 * structure.strength), (0.86, 0.76, 0.74))
    return visible(structure, shape)


DRAWERS = {
    "pigment_network": pigment_network,
    "negative_network": negative_network,
    "streaks": streaks,
    "globules": globules,
    "dots": dots,
    "shiny_white_lines": shiny_white_lines,
}
