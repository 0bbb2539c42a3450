"""Structureless areas of melanocytic lesions: blotch, regression, blue-whitish veil. Their masks are the areas."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cutis.phantom.layers import Layers
from cutis.phantom.lesion.amounts import added
from cutis.phantom.lesion.place import area, rise, visible
from cutis.phantom.parts import Structure
from cutis.phantom.view import Field, Ground


def blotch(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """A dark brown to black patch; irregular: ragged and uneven."""
    rng = np.random.default_rng(structure.seed)
    shape = ground.soften(area(ground, rng, structure, soft=0.55), 0.1) * cover
    uneven = 1 + np.float32(0.1 + 0.2 * structure.irregularity) * ground.noise(rng, 0.5)
    layers.melanin[ground.part] += (
        shape * uneven.clip(0.4, 1.6) * np.float32(structure.strength * added("blotch", ground.lesion))
    )
    return visible(structure, shape)


def regression(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """A patch paler than the skin around, like a scar, peppered blue-grey; irregular: ragged, with more pepper."""
    rng = np.random.default_rng(structure.seed)
    shape = area(ground, rng, structure, soft=0.8) * cover
    amount = shape * np.float32(structure.strength)
    grains = rise((ground.noise(rng, 0.14) - np.float32(0.5)) * 1.2)
    clouds = ground.noise(rng, 0.9).clip(-1, 1)
    pepper = grains * (np.float32(0.5) + np.float32(0.5) * clouds) * amount
    under = layers.melanin[ground.part]
    skin = np.maximum(under - cover * np.float32(ground.lesion.pigment), 0)  # about: it keeps more of its pigment
    under += amount * (np.float32(0.3) * skin - np.float32(0.75) * under) + pepper * np.float32(0.06)
    layers.deep[ground.part] += pepper * np.float32(0.04 + 0.12 * structure.irregularity)
    layers.cover(ground.part, amount * (1 - pepper) * np.float32(0.14), (0.75, 0.6, 0.56))
    return visible(structure, shape)


def blue_whitish_veil(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """A confluent blue-grey area from pigment deep in the skin, under a whitish haze of thick horny layer."""
    rng = np.random.default_rng(structure.seed)
    shape = area(ground, rng, structure, soft=0.9) * cover
    amount = shape * np.float32(structure.strength)
    clouds = 1 + np.float32(0.25 + 0.25 * structure.irregularity) * ground.noise(rng, 0.8)
    # structure blurs under the haze, and brown pigment above would hide the blue
    under = layers.melanin[ground.part]
    under += amount * (np.float32(0.8) * ground.soften(under, 0.25) - under)
    layers.deep[ground.part] += amount * clouds.clip(0.3, 1.5) * np.float32(0.5)
    haze = amount * (2 - clouds).clip(0.3, 1.5)
    layers.cover(ground.part, haze * np.float32(0.13), (0.40, 0.43, 0.52))
    return visible(structure, shape)


DRAWERS = {"blotch": blotch, "regression": regression, "blue_whitish_veil": blue_whitish_veil}
