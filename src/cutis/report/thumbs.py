"""Thumbnails of the images a page shows: re-encoded pixels only, so no metadata travels into the report."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from cutis.schema.evidence import Mistake

SIDE = 320
_MOST_PIXELS = 100_000_000


def make_thumbs(mistakes: Sequence[Mistake], images: Path | None, folder: Path) -> dict[int, str]:
    """Write folder/<number>.jpg for each mistake whose image can be read; returns mistake index -> file name.

    Files outside `images`, files that aren't there, and files that aren't pictures are left out.
    """
    if images is None or not images.is_dir():
        return {}
    made = {}
    for k, mistake in enumerate(mistakes):
        if mistake.file and save_thumb(images, mistake.file, folder / f"{k + 1:02d}.jpg"):
            made[k] = f"{k + 1:02d}.jpg"
    return made


def save_thumb(images: Path, file: str, target: Path) -> bool:
    """Write a small copy of images/file to `target`; False for what lies outside `images` or is no picture."""
    source = (images / file).resolve()
    if not source.is_relative_to(images.resolve()) or not source.is_file():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    return _thumb(source, target)


def _thumb(source: Path, target: Path) -> bool:
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd headers; its errors still count
            with Image.open(source) as image:
                if image.width * image.height > _MOST_PIXELS:
                    return False
                image.draft("RGB", (2 * SIDE, 2 * SIDE))
                small = ImageOps.exif_transpose(image).convert("RGB")
                small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False
    clean = Image.frombytes("RGB", small.size, small.tobytes())
    clean.save(target, "JPEG", quality=85)
    return True
