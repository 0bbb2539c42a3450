"""Lesions drawn and lit for the tests of structures: no skin surface, no camera."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cutis.phantom.layers import Layers
from cutis.phantom.lesion.draw import draw_lesion
from cutis.phantom.optics.table import skin_table
from cutis.phantom.parts import Camera, Lesion, Structure

CAMERA = Camera(field=10)
LESION = Lesion(diagnosis="bkl", radius=3.5, pigment=0.06, redness=0.01, mottle=0.0, edges=(0.3,) * 8, lesion_seed=1)
SIZES = {
    "leaf_like_areas": 1.0, "ovoid_nests": 0.8, "ridges": 0.8, "comedo_like_openings": 0.35, "milia_like_cysts": 0.25,
    "central_white_patch": 0.15, "ulceration": 0.6, "scale": 0.5, "lacunae": 0.6, "strawberry_pattern": 0.7,
    "arborising_vessels": 0.11, "irregular_vessels": 0.06, "glomerular_vessels": 0.25, "dotted_vessels": 0.09,
}  # fmt: skip


def structure(kind: str, **changes) -> Structure:
    return Structure(**{"kind": kind, "strength": 0.9, "size": SIZES[kind], "extent": 0.8, "seed": 7, **changes})


def planes(
    *structures: Structure, size: int = 160, melanin: float = 0.03, camera: Camera = CAMERA, lesion: Lesion = LESION
) -> Layers:
    layers = Layers.plain(size, melanin, 0.02)
    draw_lesion(camera, size, replace(lesion, structures=structures), layers)
    return layers


def light(layers: Layers) -> np.ndarray:
    """(H, W, 3) linear sRGB."""
    return layers.paint(skin_table(0.7, "D65").linear_rgb(layers.melanin, layers.blood, layers.deep).copy())


def luminance(rgb: np.ndarray) -> np.ndarray:
    return rgb @ np.array([0.2126, 0.7152, 0.0722], np.float32)
