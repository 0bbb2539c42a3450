"""Thumbnails of the images a page shows: re-encoded pixels only, so no metadata travels into the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cutis.image.decode import BadImage, decode, read_bytes
from cutis.schema.evidence import Mistake

SIDE = 320


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
    if not source.is_relative_to(images.resolve()):
        return False
    from PIL import Image

    try:
        pixels = decode(read_bytes(source), file, least=SIDE)
    except BadImage:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    small = Image.fromarray(pixels)
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    small.save(target, "JPEG", quality=85)
    return True
