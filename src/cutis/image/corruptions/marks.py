"""What MedMNIST-C draws on dermoscopic pictures: a black surround, and words (Di Salvo et al., arXiv 2406.17536)."""

from __future__ import annotations

import string

import cv2
import numpy as np

from cutis.image.corruptions.base import Image


def black_corner(image: Image, radius: float) -> Image:
    """Black outside a circle of `radius`, in half shorter sides, around the middle."""
    height, width = image.shape[:2]
    middle = width // 2, height // 2
    half = min(*middle, width - middle[0], height - middle[1])
    circle = cv2.circle(np.zeros((height, width), np.uint8), middle, int(half * radius), 255, -1)
    return np.asarray(cv2.bitwise_and(image, image, mask=circle), np.uint8)


def characters(image: Image, words: int, letters: int, scale: float, rng: np.random.Generator) -> Image:
    """One to `words` words of three to `letters` random letters, at font scales 0.14 to `scale`, of any colour."""
    marked = image.copy()
    for _ in range(int(rng.integers(1, words + 1))):
        _write(marked, int(rng.integers(3, letters + 1)), int(rng.integers(14, round(100 * scale) + 1)) / 100, rng)
    return marked


def just_characters(image: Image, words: int, rng: np.random.Generator) -> Image:
    """Exactly `words` words of three to ten letters; the first of more are those of fewer."""
    marked = image.copy()
    for _ in range(words):
        _write(marked, int(rng.integers(3, 11)), int(rng.integers(14, 19)) / 100, rng)
    return marked


def _write(image: Image, letters: int, scale: float, rng: np.random.Generator) -> None:
    height, width = image.shape[:2]
    word = "".join(string.ascii_lowercase[k] for k in rng.integers(0, 26, letters))
    place = _between(rng, 10, width - 8 * letters), _between(rng, 10, height - 10)
    colour = tuple(rng.integers(0, 256, 3).tolist())
    cv2.putText(image, word, place, cv2.FONT_HERSHEY_DUPLEX, scale, colour, 1, cv2.LINE_AA)


def _between(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number in low..high; in an image too small for both, the larger of `high` and 0."""
    return int(rng.integers(low, high + 1)) if high >= low else max(0, high)
