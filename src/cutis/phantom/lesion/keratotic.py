"""Structures of keratin, scar and tumour nests: keratoses, basal cell carcinoma, dermatofibroma.

Looks follow the third consensus on dermoscopy (Kittler et al., JAAD 2016) and, for basal cell carcinoma, Menzies et al.
(Arch Dermatol 2000). Keratin, scale, scar and crust scatter by themselves, so they cover what lies under them and stay
as bright on dark skin. Masks hold the elements themselves where there are any, else the area.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cutis.phantom.layers import Layers
from cutis.phantom.lesion.elements import ovals, sizes, smooth, spread
from cutis.phantom.lesion.place import area, how_many, reach, visible
from cutis.phantom.parts import Structure
from cutis.phantom.view import Field, Ground

# Linear RGB reflectance of what covers the skin. Our own picks, looked at beside HAM10000's pictures.
_IVORY = (0.80, 0.68, 0.50)  # keratin in a cyst
_PLUG = (0.030, 0.014, 0.006)  # keratin, aged, in an opening
_RIDGE = (0.50, 0.33, 0.20)
_FLAKE = (0.78, 0.70, 0.60)
_SCAR = (0.74, 0.56, 0.54)
_SERUM = (0.42, 0.16, 0.035)  # dried serum: orange
_CLOT = (0.045, 0.008, 0.008)  # dried blood
_RAW = (0.40, 0.05, 0.05)  # dermis without its epidermis
_SLATE = (0.05, 0.056, 0.078)  # pigment deep in the dermis, seen through what scatters above


def leaf_like_areas(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """Brown to grey-blue bulbous fingers from one base, `size` mm in all, near the border: maple leaves."""
    rng = np.random.default_rng(structure.seed)
    fingers, count = 5, how_many(ground, structure, 3 * structure.size)
    way = rng.uniform(0, 2 * np.pi) + np.arange(count) * (2.4 - 0.9 * structure.irregularity)
    way += rng.normal(0, 0.25, count)
    radius = ground.lesion.radius
    far = radius * structure.extent * rng.uniform(0.5, 0.8, count)
    base = np.column_stack([np.cos(way), np.sin(way)]) * far[:, None] + radius * np.array([structure.x, structure.y])
    wide = sizes(structure, rng, count)
    fan = np.linspace(-1.3, 1.3, fingers) + rng.normal(0, 0.15, (count, fingers)) + way[:, None]
    long = wide[:, None] * rng.uniform(0.42, 0.68, (count, fingers))
    tips = base[:, None] + np.stack([np.cos(fan), np.sin(fan)], axis=-1) * long[..., None]
    stems = (base[:, None] + tips) / 2
    bulbs = np.concatenate([base[:, None], stems, tips], axis=1)  # base, then fingers that thicken to their tips
    share = np.array([0.34, *[0.16] * fingers, *[0.24] * fingers])
    across = wide[:, None] * share * rng.uniform(0.75, 1.2, (count, len(share)))
    shape = ground.soften(ovals(ground, rng, bulbs.reshape(-1, 2), across.ravel(), ragged=0.18), 0.05) * cover
    amount = shape * (np.float32(0.8) + np.float32(0.25) * ground.noise(rng, 0.3)) * np.float32(structure.strength)
    layers.melanin[ground.part] += amount * np.float32(0.2)
    layers.deep[ground.part] += amount * np.float32(0.1)
    return visible(structure, shape)


def ovoid_nests(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """Well-outlined blue-grey ovals `size` mm across, deep in the skin, and small globules of the same around them."""
    rng = np.random.default_rng(structure.seed)
    large = how_many(ground, structure, 2 * structure.size)
    middles = spread(ground, structure, rng, 3 * large)
    across = sizes(structure, rng, 3 * large)
    across[large:] *= 0.3
    shades = rng.uniform(0.6, 1, 3 * large)
    ragged = 0.15 + 0.25 * structure.irregularity
    shape = ovals(ground, rng, middles, across, ragged=ragged, stretch=0.35, shades=shades)
    shape = ground.soften(shape, 0.1) * cover
    amount = shape * (np.float32(0.85) + np.float32(0.2) * ground.noise(rng, 0.35)) * np.float32(structure.strength)
    layers.deep[ground.part] += amount * np.float32(0.6)
    layers.melanin[ground.part] += amount * np.float32(0.02)
    layers.cover(ground.part, amount * np.float32(0.45), _SLATE)
    return visible(structure, shape)


def ridges(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """Winding dark clefts between pale folds, `size` mm apart, as on a brain. The mask is the area."""
    rng = np.random.default_rng(structure.seed)
    size = max(structure.size, 0.1)
    fold = ground.noise(rng, size * 0.6) + np.float32(0.15) * ground.noise(rng, 0.2)
    depth = smooth(ground.noise(rng, size * 3), -1.2 + structure.irregularity, 0.6)  # clefts come and go
    where = reach(ground, structure) * cover
    amount = where * np.float32(structure.strength)
    away = np.abs(fold)
    cleft = smooth(away, 0.6, 0.05) * (np.float32(0.3) + np.float32(0.7) * depth) * amount
    layers.melanin[ground.part] += cleft * np.float32(0.17)
    layers.cover(ground.part, cleft * np.float32(0.15), _PLUG)
    layers.cover(ground.part, smooth(away, 0.5, 1.3) * amount * np.float32(0.2), _RIDGE)
    layers.relief[ground.part] -= cleft * np.float32(0.12)
    return visible(structure, where)


def comedo_like_openings(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """Sharp round to oval craters, `size` mm across, with brown to black plugs."""
    rng = np.random.default_rng(structure.seed)
    count = how_many(ground, structure, 4 * structure.size)
    middles, across = spread(ground, structure, rng, count), sizes(structure, rng, count)
    ragged = 0.08 + 0.12 * structure.irregularity
    shape = ovals(ground, rng, middles, across, ragged=ragged, stretch=0.3, shades=rng.uniform(0.45, 1, count))
    shape = ground.soften(shape, 0.03) * cover
    amount = shape * np.float32(structure.strength)
    layers.melanin[ground.part] += amount * np.float32(0.12)
    layers.cover(ground.part, amount * np.float32(0.85), _PLUG)
    layers.relief[ground.part] -= amount * np.float32(0.08)
    return visible(structure, shape)


def milia_like_cysts(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """Round white-yellowish dots, `size` mm across, that shine through: small and clear to large and hazy."""
    rng = np.random.default_rng(structure.seed)
    count = how_many(ground, structure, 3.5 * structure.size)
    middles, across = spread(ground, structure, rng, count), sizes(structure, rng, count)
    shape = ovals(ground, rng, middles, across, ragged=0.05, stretch=0.08, shades=rng.uniform(0.4, 1, count))
    shape = ground.soften(shape, 0.22 * structure.size) * cover
    amount = shape * np.float32(structure.strength)
    layers.cover(ground.part, amount * np.float32(0.62), _IVORY)
    layers.relief[ground.part] += amount * np.float32(0.03)
    return visible(structure, shape)


def central_white_patch(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """A scar-like whitish area that fades into what is around, with brighter strands; the finer, the smaller `size`."""
    rng = np.random.default_rng(structure.seed)
    patch = area(ground, rng, structure, soft=0.8) * cover
    rays = ground.angle * np.float32(rng.integers(9, 16)) + np.float32(4) * ground.noise(rng, structure.size * 6)
    strands = smooth(np.cos(rays), 0.2, 1.0)
    amount = patch * np.float32(structure.strength)
    layers.cover(ground.part, amount * (np.float32(0.5) + np.float32(0.12) * strands), _SCAR)
    return visible(structure, patch)


def ulceration(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """Raw red patches without epidermis under orange serum and red-black clot in clumps `size` mm large."""
    rng = np.random.default_rng(structure.seed)
    bed = area(ground, rng, structure, soft=0.25) * cover
    amount = bed * np.float32(structure.strength)
    clump, finer = (ground.noise(rng, max(structure.size, 0.1) * share) for share in (0.8, 0.3))
    clump += np.float32(0.4) * finer
    layers.blood[ground.part] += amount * np.float32(0.1)
    layers.melanin[ground.part] *= 1 - amount * np.float32(0.7)  # the epidermis is gone
    layers.cover(ground.part, amount * (np.float32(0.45) + np.float32(0.15) * finer), _RAW)
    layers.cover(ground.part, amount * smooth(clump, -0.2, 0.9) * np.float32(0.75), _SERUM)
    layers.cover(ground.part, amount * smooth(clump, 0.45, 1.0) * np.float32(0.9), _CLOT)
    layers.relief[ground.part] -= amount * np.float32(0.15)
    return visible(structure, bed)


def scale(ground: Ground, structure: Structure, cover: Field, layers: Layers) -> NDArray[np.bool_]:
    """White to yellowish flakes, `size` mm across, on the surface; thicker where they cling together."""
    rng = np.random.default_rng(structure.seed)
    size = max(structure.size, 0.1)
    crowd = ground.noise(rng, size * 3.5) * np.float32(0.6 + 0.6 * structure.irregularity)
    flake = ground.noise(rng, size * 0.7) + np.float32(0.7) * ground.noise(rng, size * 0.25)
    shape = smooth(crowd, -0.9, 0.7) * (np.float32(0.12) + np.float32(0.75) * smooth(flake, -0.4, 1.2))
    shape *= reach(ground, structure) * cover
    amount = shape * np.float32(structure.strength)
    layers.cover(ground.part, amount * np.float32(0.6), _FLAKE)
    layers.relief[ground.part] += amount * np.float32(0.1)
    return visible(structure, shape)


# In the order in which they lie on each other.
DRAWERS = {
    "leaf_like_areas": leaf_like_areas,
    "ovoid_nests": ovoid_nests,
    "ridges": ridges,
    "comedo_like_openings": comedo_like_openings,
    "milia_like_cysts": milia_like_cysts,
    "central_white_patch": central_white_patch,
    "ulceration": ulceration,
    "scale": scale,
}
