"""Every corruption that needs nothing but the picture, with its five severities, and the suites made of them.

MedMNIST-C's fifteen for dermoscopy (Di Salvo et al., arXiv 2406.17536; values of its package medmnistc 0.1.0) are in
pixels and were chosen at 224 px. Three of them don't grow with severity: black_corner's level 5 is milder than its
level 4, motion_blur's levels 1 and 2 differ by the tail of a bell beyond four deviations only, and characters draws
how many words there are. The variants named ..._monotone do grow.
"""

from __future__ import annotations

import numpy as np

from cutis.image.corruptions import blur, digital, light, marks, noise, pose
from cutis.image.corruptions.base import Corruption, Image, Value, first, several

Rng = np.random.Generator
_ZOOMS = {stop: np.arange(1, stop, step) for stop, step in ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02))}
_ZOOMS[1.31] = np.arange(1, 1.31, 0.03)


def _motion(image: Image, value: Value, rng: Rng) -> Image:
    radius, sigma = several(value)
    return blur.motion_blur(image, radius, sigma, float(rng.uniform(-45, 45)))


def _zoom_blur(image: Image, value: Value, rng: Rng) -> Image:
    largest = first(value)
    return blur.zoom_blur(image, _ZOOMS[largest] if largest in _ZOOMS else np.arange(1, largest, 0.02))


def _characters(image: Image, value: Value, rng: Rng) -> Image:
    words, letters, scale = several(value)
    return marks.characters(image, int(words), int(letters), scale, rng)


_ALL = (
    # name, suite, words, unit, values, low, high, draw
    Corruption("pixelate", "medmnistc", "pixelated", "of the sides",
               (0.7, 0.5, 0.4, 0.3, 0.25), 0.01, 1, lambda i, v, r: digital.pixelate(i, first(v))),
    Corruption("jpeg_compression", "medmnistc", "JPEG compression", "JPEG quality",
               (30, 20, 15, 10, 7), 1, 95, lambda i, v, r: digital.jpeg(i, first(v))),
    Corruption("gaussian_noise", "medmnistc", "even noise", "of white, standard deviation",
               (0.04, 0.08, 0.12, 0.18, 0.26), 0, 2, lambda i, v, r: noise.gaussian(i, first(v), r)),
    Corruption("speckle_noise", "medmnistc", "noise as strong as the light", "of the light, standard deviation",
               (0.05, 0.15, 0.2, 0.35, 0.45), 0, 2, lambda i, v, r: noise.speckle(i, first(v), r)),
    Corruption("impulse_noise", "medmnistc", "salt and pepper", "of the values",
               (0.01, 0.03, 0.06, 0.09, 0.17), 0, 1, lambda i, v, r: noise.impulse(i, first(v), r)),
    Corruption("shot_noise", "medmnistc", "few photons", "photons of white",
               (60, 25, 18, 10, 5), 1, noise.MOST_PHOTONS, lambda i, v, r: noise.shot(i, first(v), r)),
    Corruption("defocus_blur", "medmnistc", "blurred by a disc", "pixels, radius",
               ((4, 0.1), (5, 0.2), (6, 0.3), (7, 0.4), (8, 0.5)), 0, 64,
               lambda i, v, r: blur.defocus_blur(i, *several(v))),
    Corruption("motion_blur", "medmnistc", "blurred by motion", "pixels, radius (and deviation)",
               ((10, 5), (15, 5), (15, 8), (15, 12), (20, 15)), 1, 200, _motion),
    Corruption("zoom_blur", "medmnistc", "blurred by zooming", "times, at most",
               (1.11, 1.16, 1.21, 1.26, 1.31), 1, 3, _zoom_blur),
    Corruption("brightness_up", "medmnistc", "brighter", "times",
               (1.1, 1.2, 1.3, 1.4, 1.5), 1, 10, lambda i, v, r: digital.brightness(i, first(v))),
    Corruption("brightness_down", "medmnistc", "darker", "times",
               (0.9, 0.8, 0.7, 0.6, 0.5), 0, 1, lambda i, v, r: digital.brightness(i, first(v))),
    Corruption("contrast_up", "medmnistc", "more contrast", "times",
               (1.1, 1.2, 1.3, 1.4, 1.6), 1, 10, lambda i, v, r: digital.contrast(i, first(v))),
    Corruption("contrast_down", "medmnistc", "less contrast", "times",
               (0.8, 0.7, 0.6, 0.5, 0.4), 0, 1, lambda i, v, r: digital.contrast(i, first(v))),
    Corruption("black_corner", "medmnistc", "black outside a circle", "half shorter sides, radius",
               (1.1, 1.05, 1.0, 0.9, 0.95), 0, 3, lambda i, v, r: marks.black_corner(i, first(v))),
    Corruption("characters", "medmnistc", "words", "words at most (letters, font scale)",
               ((1, 6, 0.14), (2, 7, 0.15), (3, 8, 0.16), (4, 9, 0.17), (6, 10, 0.18)), 1, 50, _characters),

    Corruption("motion_blur_monotone", "monotone", "blurred by motion", "pixels, radius (and deviation)",
               ((10, 3), (15, 5), (15, 8), (20, 12), (25, 18)), 1, 200, _motion),
    Corruption("black_corner_monotone", "monotone", "black outside a circle", "half shorter sides, radius",
               (1.1, 1.05, 1.0, 0.95, 0.9), 0, 3, lambda i, v, r: marks.black_corner(i, first(v))),
    Corruption("characters_monotone", "monotone", "words", "words",
               (1, 2, 3, 4, 6), 1, 50, lambda i, v, r: marks.just_characters(i, int(first(v)), r)),

    Corruption("colour_temperature_warm", "skin", "light of a warm lamp", "K",
               (5800, 5200, 4600, 4000, 3400), 1700, light.DAYLIGHT,
               lambda i, v, r: light.colour_temperature(i, first(v))),
    Corruption("colour_temperature_cool", "skin", "light of a cool sky", "K",
               (7200, 8200, 9500, 11500, 15000), light.DAYLIGHT, 25000,
               lambda i, v, r: light.colour_temperature(i, first(v))),
    Corruption("white_balance", "skin", "channel gains apart", "stops between the channels",
               (0.12, 0.25, 0.4, 0.55, 0.75), 0, 4, lambda i, v, r: light.white_balance(i, first(v), r)),
    Corruption("vignette", "skin", "less light in the corners", "of the light lost in the corners",
               (0.2, 0.35, 0.5, 0.65, 0.8), 0, 1, lambda i, v, r: light.vignette(i, first(v))),
    Corruption("dark_corner", "skin", "the dermoscope's round field", "half shorter sides, radius",
               (1.25, 1.14, 1.04, 0.95, 0.85), 0.1, 1.6, lambda i, v, r: light.dark_corner(i, first(v), r)),
    Corruption("unpolarised", "skin", "filters not crossed", "of white light mirrored",
               (0.015, 0.03, 0.05, 0.08, 0.12), 0, 1, lambda i, v, r: light.unpolarised(i, first(v), r)),
    Corruption("defocus", "skin", "out of focus", "pixels, radius, where the shorter side has 224",
               (1, 1.75, 2.75, 4, 6), 0, 64, lambda i, v, r: blur.defocus(i, first(v))),
    Corruption("sharpening", "skin", "sharpened by a phone", "times the detail added",
               (0.5, 1, 1.6, 2.4, 3.5), 0, 20, lambda i, v, r: digital.sharpen(i, first(v))),
    Corruption("messaging", "skin", "sent by a messaging app", "JPEG quality (and share of the sides)",
               ((75, 0.8), (60, 0.65), (45, 0.5), (32, 0.4), (22, 0.33)), 1, 95,
               lambda i, v, r: digital.messaging(i, *several(v))),
    Corruption("zoom", "skin", "closer", "times",
               (1.06, 1.12, 1.2, 1.32, 1.5), 1, 10, lambda i, v, r: pose.zoom(i, first(v))),
    Corruption("rotation", "skin", "turned", "degrees",
               (4, 9, 16, 27, 45), 0, 180, lambda i, v, r: pose.rotation(i, first(v), r)),
)  # fmt: skip

CORRUPTIONS: dict[str, Corruption] = {c.name: c for c in _ALL}


def of_suite(suite: str) -> list[str]:
    """Names of the corruptions that are defined in "medmnistc", "monotone" or "skin"."""
    return [name for name, c in CORRUPTIONS.items() if c.suite == suite]


def growing() -> list[str]:
    """MedMNIST-C's fifteen, with the monotone variants in the place of those that don't grow."""
    return [m if (m := f"{name}_monotone") in CORRUPTIONS else name for name in of_suite("medmnistc")]


# Suites of what needs the picture only; with what is drawn on it: `cutis.audit.suites`.
SUITES: dict[str, tuple[str, ...]] = {
    "medmnistc": tuple(of_suite("medmnistc")),
    "skin": tuple(of_suite("skin")),
    "dermoscopy": (*growing(), *of_suite("skin")),
}
