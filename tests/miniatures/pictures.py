"""Tiny images for the miniatures: every miniature writes its release's own layout with these."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def photo(path: Path, rng: np.random.Generator, width: int = 24, height: int = 18) -> None:
    """A small RGB picture of noise around a skin colour; JPEG or PNG by the path's suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    base = np.array([200, 150, 130]) + rng.integers(-30, 30, 3)
    pixels = (base + rng.integers(-20, 20, (height, width, 3))).clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(path)


def mask(path: Path, width: int = 24, height: int = 18) -> None:
    """A mask with its middle set."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((height, width), np.uint8)
    pixels[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3] = 255
    Image.fromarray(pixels).save(path)


def table(path: Path, *lines: str) -> None:
    """A CSV file of these lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
