"""What a picture of a lesion looks like, in 29 numbers that have names: colour, texture and shape.

For distances between sets of pictures that can be read (which feature moved?), in the spirit of radiomics (Konz et al.,
"Frechet Radiomic Distance", Medical Image Analysis 2026, arXiv:2412.01496) but of our own, fewer, features.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cutis.errors import CutisError
from cutis.image.colour import lab

SCALES = (0.8, 1.6, 3.2)  # pixels: sigma of the blur before a texture is measured
_PLACES = ("lesion", "skin")
NAMES = (
    *(f"{what} {channel} of {place}" for place in _PLACES for what in ("mean", "deviation") for channel in "Lab"),
    "colour difference of lesion and skin",
    *(f"{what} at {s:g} px of {place}" for s in SCALES for what in ("gradient", "Laplacian") for place in _PLACES),
    "size",
    "elongation",
    "solidity",
    "roundness",
)
_LEAST, _MOST = 0.01, 0.9  # share of the picture that a lesion may be
_FEWEST = 20  # pixels of its outline's area


def appearance(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """The numbers named in `NAMES`, (29,), of an 8-bit RGB image (h, w, 3) and its lesion mask (h, w).

    Colours: CIELAB means and deviations, and the distance of the two means. Texture: log of the mean gradient, and of
    the mean size of the Laplacian, of L* at three scales. Shape, of the mask's largest piece: square root of the share
    of the picture, shorter by longer side of the tightest box, area by that of the convex hull, 4 pi area / outline^2.
    Texture is in pixels: compare pictures of one size only. None where the mask leaves too little lesion or skin.
    Raises CutisError if image and mask differ in size.
    """
    if mask.shape != image.shape[:2]:
        raise CutisError(f"appearance: the mask is {mask.shape} and the image {image.shape[:2]}; expected equal sizes.")
    mask = mask.astype(bool)
    if not _LEAST < mask.mean() < _MOST:
        return None
    colours = lab(image)
    inside, outside = colours[mask], colours[~mask]
    found = [*inside.mean(0), *inside.std(0), *outside.mean(0), *outside.std(0)]
    found.append(float(np.linalg.norm(inside.mean(0) - outside.mean(0))))
    light = colours[..., 0].astype(np.float32)
    for sigma in SCALES:
        soft = cv2.GaussianBlur(light, (0, 0), sigma)
        slope = np.hypot(cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1))
        bend = np.abs(cv2.Laplacian(soft, cv2.CV_32F))
        found += [np.log(v[w].mean() + 1e-3) for v in (slope, bend) for w in (mask, ~mask)]
    outlines = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    outline = max(outlines, key=cv2.contourArea)
    area, length = cv2.contourArea(outline), cv2.arcLength(outline, True)
    if area < _FEWEST:
        return None
    (_, axes, _) = cv2.minAreaRect(outline)
    solid = area / max(cv2.contourArea(cv2.convexHull(outline)), 1)
    found += [np.sqrt(mask.mean()), min(axes) / max(axes), solid, 4 * np.pi * area / length**2]
    return np.array(found, np.float64)
