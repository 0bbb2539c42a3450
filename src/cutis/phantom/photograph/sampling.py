"""Cameras and light as clinics have them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cutis.phantom.parts import Camera, Lesion

# How often. The rates, and exposure and cast below, are roughly HAM10000's: its skin is bright and pinkish.
RATES = {"bubbles": 0.06, "dark_corner": 0.12, "vignette": 0.5, "unpolarised": 0.25, "LED": 0.5}


def sample_camera(rng: np.random.Generator, lesion: Lesion | None, rates: Mapping[str, float] = RATES) -> Camera:
    """Draw a dermoscope's photograph of `lesion`, or of plain skin: 8-17 mm wide, wider where the lesion needs it.

    As many random values are drawn whatever comes of it. rates: how often each thing of `RATES` is there.
    """
    chance, normal = rng.random(24), rng.standard_normal(4)
    field = 8 + 9 * float(chance[0])
    x, y = (float(0.1 * field * (chance[i] + chance[i + 1] - 1)) for i in (1, 3))
    if lesion is not None:
        reach = lesion.radius * (1 + 0.6 * sum(map(abs, lesion.bumps)))
        field = max(field, reach * float(1.7 + 0.6 * chance[5]))
        x, y = lesion.left + x, lesion.top + y

    def there(name: str, value: float) -> bool:
        return bool(value < rates.get(name, RATES[name]))

    unpolarised = there("unpolarised", chance[6])
    return Camera(
        polarised=not unpolarised,
        field=field,
        look_x=x,
        look_y=y,
        angle=float(2 * np.pi * chance[7]),
        illuminant="LED" if there("LED", chance[8]) else "D65",
        gain=float(np.clip(1.6 * np.exp(0.14 * normal[0]), 1.0, 2.4)),
        warmth=float(np.clip(-0.11 + 0.1 * normal[1], -0.4, 0.25)),
        tint=float(np.clip(0.11 + 0.08 * normal[2], -0.1, 0.4)),
        slope=float(0.25 * chance[10] ** 2),
        slope_angle=float(2 * np.pi * chance[11]),
        vignette=float(0.15 + 0.7 * chance[13]) if there("vignette", chance[12]) else 0.0,
        aperture=float(0.98 + 0.34 * chance[15]) if there("dark_corner", chance[14]) else 2.0,
        glare=float(max(0.0, 0.7 * chance[16] ** 2 - 0.15)) if unpolarised else 0.0,
        bubbles=int(2 + 30 * chance[18] ** 2) if there("bubbles", chance[17]) else 0,
        blur=float(0.02 + 0.09 * chance[19] ** 3),
        noise=float(0.5 + 2.5 * chance[20] ** 2),
        jpeg=int(82 + 15 * chance[21]),
        photo_seed=int(rng.integers(2**32)),
    )
