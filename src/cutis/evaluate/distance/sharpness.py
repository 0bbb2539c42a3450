"""Label sharpness: how steeply labels change between images.

    K_F = max over pairs j, k of 1[y_j != y_k] / |x_j - x_k|_2,  among M = 1000 images drawn at random

Source: Konz & Mazurowski, "The effect of intrinsic dataset properties on generalization", ICLR 2024, arXiv:2401.08865,
equation 2. Implemented from the paper: its public code takes pairs of *equal* labels. The number depends on the size of
the images and the range of their values, which therefore stand beside it, and on M: it only grows as images are added.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cutis.errors import CutisError
from cutis.evaluate.distance.rows import check_rows, squared_distances

MOST = 1000


@dataclass(frozen=True)
class Sharpness:
    """value: K_F. distance: 1 / value, of the nearest two images with different labels, whose rows are `pair`. n:
    images compared. size: of an image, "64 x 64 x 3". low, high: the values' range in all images, after 8-bit ones were
    divided by 255."""

    value: float
    distance: float
    pair: tuple[int, int]
    n: int
    size: str
    low: float
    high: float


def label_sharpness(
    images: ArrayLike, labels: Sequence[Hashable], rng: np.random.Generator, *, most: int = MOST
) -> Sharpness:
    """K_F of images (n, ...), uint8 or floats, and their n labels.

    rng: draws `most` images where there are more. Raises CutisError if fewer than two labels are among those drawn, a
    value isn't finite, or two equal images have different labels: then K_F is infinite, and the labels are wrong.
    """
    pixels: NDArray[Any] = np.asarray(images)
    if pixels.ndim < 2 or len(pixels) != len(labels):
        raise CutisError(f"label sharpness: images {pixels.shape} and {len(labels)} labels; expected one label each.")
    chosen = np.sort(rng.choice(len(pixels), min(most, len(pixels)), replace=False))
    pixels = pixels[chosen]
    rows = check_rows(pixels.reshape(len(pixels), -1), "label sharpness: the images", 2)
    rows = rows / 255 if pixels.dtype == np.uint8 else rows
    numbers = {label: i for i, label in enumerate(dict.fromkeys(labels[i] for i in chosen))}
    if len(numbers) < 2:
        raise CutisError(f"label sharpness: all {len(rows)} images have one label; it is of pairs whose labels differ.")
    label = np.array([numbers[labels[i]] for i in chosen])
    best, pair = np.inf, (0, 0)
    for part, found in squared_distances(rows):
        found[label[part, None] == label] = np.inf
        i, j = np.unravel_index(int(found.argmin()), found.shape)
        if found[i, j] < best:
            best, pair = float(found[i, j]), (int(i) + part.start, int(j))
    distance = float(np.linalg.norm(rows[pair[0]] - rows[pair[1]]))
    first, second = (int(chosen[i]) for i in sorted(pair))
    if distance == 0:
        raise CutisError(
            f'label sharpness: rows {first + 1} and {second + 1} are the same image with labels "{labels[first]}" and '
            f'"{labels[second]}". Remove or relabel one.'
        )
    size = " x ".join(map(str, pixels.shape[1:]))
    return Sharpness(1 / distance, distance, (first, second), len(rows), size, float(rows.min()), float(rows.max()))
