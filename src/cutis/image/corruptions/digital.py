"""Files and editors: pixelation, JPEG, brightness, contrast, as MedMNIST-C has them; messaging apps; sharpening.

Brightness and contrast are Pillow's ImageEnhance: level m + factor * (level - m), cut to whole levels, with m = 0 for
brightness and the rounded mean luma for contrast.
"""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image as Pillow

from cutis.image.corruptions.base import Image

_SHARP_RADIUS = 0.006  # of the shorter side: 1.3 px of 224


def pixelate(image: Image, share: float) -> Image:
    """Shrink to `share` of the sides and enlarge again, by box averages."""
    height, width = image.shape[:2]
    small = max(1, int(width * share)), max(1, int(height * share))
    picture = Pillow.fromarray(image).resize(small, Pillow.Resampling.BOX)
    return np.array(picture.resize((width, height), Pillow.Resampling.BOX))


def jpeg(image: Image, quality: float) -> Image:
    """Saved as JPEG at `quality` 1..95 (chroma at half the size) and read again."""
    file = io.BytesIO()
    Pillow.fromarray(image).save(file, "JPEG", quality=int(quality))
    return np.array(Pillow.open(file))


def brightness(image: Image, factor: float) -> Image:
    """Every level times `factor`."""
    return _stretched(image, 0, factor)


def contrast(image: Image, factor: float) -> Image:
    """Every level `factor` times as far from the mean luma."""
    luma = np.asarray(Pillow.fromarray(image).convert("L"))
    return _stretched(image, int(luma.mean() + 0.5), factor)


def _stretched(image: Image, middle: int, factor: float) -> Image:
    levels = np.float32(middle) + np.float32(factor) * np.arange(-middle, 256 - middle, dtype=np.float32)
    return np.asarray(cv2.LUT(image, levels.clip(0, 255).astype(np.uint8)), np.uint8)


def messaging(image: Image, quality: float, share: float) -> Image:
    """Sent by a messaging app: scaled to `share` of the sides, saved as JPEG at `quality`, and seen at the old size."""
    height, width = image.shape[:2]
    small = max(1, round(width * share)), max(1, round(height * share))
    sent = jpeg(np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.uint8), quality)
    return np.asarray(cv2.resize(sent, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def sharpen(image: Image, amount: float) -> Image:
    """Unsharp masking, as phones do it: `amount` times what a blur of 0.6 % of the shorter side takes away is added."""
    sigma = max(0.5, _SHARP_RADIUS * min(image.shape[:2]))
    soft = cv2.GaussianBlur(image, (0, 0), sigma)
    return np.asarray(cv2.addWeighted(image, 1 + amount, soft, -amount, 0), np.uint8)
