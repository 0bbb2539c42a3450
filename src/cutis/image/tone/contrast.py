"""How far a lesion's colour is from the skin around it.

`coco` is the score of DDI-CoCo (Chiu et al., arXiv 2401.13280): the contrast ratio of web pages, (Y1 + 0.05) / (Y2 +
0.05) with Y1 the lighter, of the mean RGB of lesion and skin. The published scores take Y from the gamma-encoded RGB,
where WCAG asks for linear light (found by recomputing their table); `wcag` is the ratio as WCAG 2 defines it. Theirs
are of three points a person picked on each side, ours of all pixels, so scores compare within a method only.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from cutis.image import colour
from cutis.image.tone.ita import pixels, thin
from cutis.image.tone.skin_pixels import Photo

_LUMA = np.array([0.2126, 0.7152, 0.0722])
FEWEST = 30  # lesion pixels


@dataclass(frozen=True)
class Contrast:
    """ciede2000, delta_e: colour differences (CIEDE2000; Euclidean in CIELAB) of the medians of lesion and skin.
    lightness: lesion's L* minus skin's. coco, wcag: contrast ratios of the mean colours, 1..21. All None if refused,
    with the reason."""

    ciede2000: float | None = None
    delta_e: float | None = None
    lightness: float | None = None
    coco: float | None = None
    wcag: float | None = None
    reason: str = ""


def coco_ratio(lesion: np.ndarray, skin: np.ndarray) -> float:
    """DDI-CoCo's contrast of two mean RGB colours (3,), 0..255, as their published table has it."""
    return _ratio(np.asarray(lesion, float) / 255, np.asarray(skin, float) / 255)


def wcag_ratio(lesion: np.ndarray, skin: np.ndarray) -> float:
    """WCAG 2's contrast ratio of two RGB colours (3,), 0..255."""
    linear = colour.srgb_to_linear(np.stack([lesion, skin]).astype(float) / 255)
    return _ratio(linear[0], linear[1])


def contrast(image: np.ndarray, mask: np.ndarray) -> Contrast:
    """Contrast of the lesion (mask > 0) with the skin around it; refused, with the reason, where either is too little.

    image: uint8 (h, w, 3) sRGB. mask: (h, w). Raises CutisError for other shapes.
    """
    return photo_contrast(Photo(image, mask))


def photo_contrast(photo: Photo) -> Contrast:
    if photo.lesion is None:
        return Contrast(reason="no lesion mask")
    inner = cv2.erode(photo.lesion.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
    lesion = (inner if np.count_nonzero(inner) >= FEWEST else photo.lesion) & ~(photo.glare | photo.rim)
    if np.count_nonzero(lesion) < FEWEST:
        return Contrast(reason=f"too few lesion pixels: {np.count_nonzero(lesion)}")
    if why := photo.too_little:
        return Contrast(reason=why)
    at = thin(np.flatnonzero(lesion))
    inside = np.array([np.median(plane[at]) for plane in photo.planes])
    skin = pixels(photo, "skin")
    outside = np.array([np.median(v) for v in (skin.light, skin.red, skin.yellow)])
    means = [np.array(cv2.mean(photo.rgb, where.astype(np.uint8))[:3]) for where in (lesion, photo.skin)]
    return Contrast(
        ciede2000=float(colour.delta_e_2000(inside, outside)),
        delta_e=float(np.linalg.norm(inside - outside)),
        lightness=float(inside[0] - outside[0]),
        coco=coco_ratio(*means),
        wcag=wcag_ratio(*means),
    )


def _ratio(one: np.ndarray, other: np.ndarray) -> float:
    dark, light = sorted((float(one @ _LUMA), float(other @ _LUMA)))
    return (light + 0.05) / (dark + 0.05)
