"""Pictures of no class, to learn what is strange from: those of a folder, or made up from the training pictures.

The choice, for who has no folder: a third are a training picture's tiles out of order (skin's texture, no lesion), a
third smooth fields of any colour with grain (nothing at all), a third stripes and checks of any two colours (things).
Phantoms and real pictures that are not of skin are better where there are some; these cost nothing and name nobody.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from cutis.errors import CutisError
from cutis.image.decode import EXTENSIONS, BadImage, read_square

TILES = 4  # a side


def made_up(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture of no class, uint8 (s, s, 3), as large as `pixels`; one in three is made of it."""
    side = len(pixels)
    kind = int(rng.integers(3))
    if kind == 0:
        return _shuffled(pixels, rng)
    return _field(side, rng) if kind == 1 else _stripes(side, rng)


def _shuffled(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    edge = len(pixels) // TILES
    tiles = pixels[: edge * TILES, : edge * TILES].reshape(TILES, edge, TILES, edge, 3).swapaxes(1, 2)
    mixed = rng.permutation(tiles.reshape(-1, edge, edge, 3)).reshape(TILES, TILES, edge, edge, 3)
    whole = mixed.swapaxes(1, 2).reshape(edge * TILES, edge * TILES, 3)
    resized: np.ndarray = cv2.resize(whole, (len(pixels), len(pixels)), interpolation=cv2.INTER_LINEAR)
    return resized


def _field(side: int, rng: np.random.Generator) -> np.ndarray:
    coarse = rng.uniform(0, 255, (int(rng.integers(2, 9)),) * 2 + (3,)).astype(np.float32)
    smooth = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    grain = rng.standard_normal((side, side, 3), np.float32) * rng.uniform(0, 30)
    return (smooth + grain).clip(0, 255).astype(np.uint8)


def _stripes(side: int, rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:side, :side] / side
    angle, waves = rng.uniform(0, np.pi), rng.uniform(2, 12)
    wave = np.sin(2 * np.pi * waves * (x * np.cos(angle) + y * np.sin(angle)))
    if rng.random() < 0.5:
        wave *= np.sin(2 * np.pi * waves * (y * np.cos(angle) - x * np.sin(angle)))
    one, other = rng.uniform(0, 255, (2, 3))
    stripes: np.ndarray = np.where(wave[..., None] > 0, one, other).astype(np.uint8)
    return stripes


class Outliers:
    """Pictures of no class: of a folder's files, at any depth, or made up if `folder` is "". Raises CutisError for a
    folder without images, and when it comes to one that can't be read."""

    def __init__(self, folder: str) -> None:
        self.files: list[Path] = []
        self._read: dict[tuple[int, int], np.ndarray] = {}
        if folder:
            self.files = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in EXTENSIONS)
            if not self.files:
                raise CutisError(f"setting outliers = {folder}: no folder with images (jpg, png...) in it.")

    def beside(self, pixels: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
        """One picture for each of `pixels`, uint8 (s, s, 3), as large."""
        if not self.files:
            return [made_up(one, rng) for one in pixels]
        return [self._square(int(i), len(pixels[0])) for i in rng.integers(0, len(self.files), len(pixels))]

    def _square(self, number: int, side: int) -> np.ndarray:
        if (number, side) not in self._read:
            try:
                self._read[number, side] = read_square(self.files[number], side)
            except BadImage as error:
                raise CutisError(f"{self.files[number]}: {error}. Take it out of the folder of outliers.") from None
        return self._read[number, side]
