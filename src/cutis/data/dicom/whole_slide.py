"""Whole slides: of a series only the thumbnail, or else its lowest level, put together from its tiles.

A slide's label and overview are never read: both may show a name (PS3.3 C.8.12.4.1.1 says what an image is of).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cutis.data.dicom.grey import grey_to_rgb
from cutis.data.dicom.pixels import check, rgb, stored
from cutis.image.decode import MAX_PIXELS, BadImage


def flavour(tags: Any) -> str:
    """VOLUME, THUMBNAIL, LABEL or OVERVIEW; "" if the header doesn't say."""
    said = list(tags.get("ImageType") or ())
    return str(said[2]) if len(said) > 2 else ""


def choose(slides: Sequence[Any]) -> set[int]:
    """Which of these headers of whole-slide objects to read: one a series, by position."""
    best: dict[str, tuple[bool, int, int]] = {}
    for place, tags in enumerate(slides):
        if flavour(tags) not in ("VOLUME", "THUMBNAIL"):
            continue
        area = int(tags.get("TotalPixelMatrixRows") or 0) * int(tags.get("TotalPixelMatrixColumns") or 0)
        rank = (flavour(tags) != "THUMBNAIL", area, place)
        series = str(tags.get("SeriesInstanceUID") or place)
        best[series] = min(rank, best.get(series, rank))
    return {place for _, _, place in best.values()}


def overview(tags: Any, name: str) -> np.ndarray:
    """uint8 (height, width, 3) of the whole level; where no tile lies it is white, or 0 if grey. Raises BadImage."""
    height = int(tags.get("TotalPixelMatrixRows") or tags.Rows)
    width = int(tags.get("TotalPixelMatrixColumns") or tags.Columns)
    if height * width > MAX_PIXELS:
        raise BadImage(name, f"a whole slide of {width} x {height} pixels at its lowest level; no thumbnail is here")
    check(tags, name)
    rows, columns = int(tags.Rows), int(tags.Columns)
    # Grey is shown when it is whole: its range is the slide's, not a tile's.
    grey = str(tags.PhotometricInterpretation).startswith("MONOCHROME")
    whole: np.ndarray | None = None
    for index, (top, left) in enumerate(_places(tags, name, rows, columns, width)):
        if not (0 <= top < height and 0 <= left < width):
            raise BadImage(name, f"tile {index + 1} lies outside the slide")
        tile = stored(tags, name, index) if grey else rgb(tags, name, index)
        if whole is None:
            whole = np.full((height, width, *tile.shape[2:]), 0 if grey else 255, tile.dtype)
        part = whole[top : top + rows, left : left + columns]
        part[:] = tile[: part.shape[0], : part.shape[1]]
    if whole is None:
        raise BadImage(name, "a whole slide without tiles")
    return grey_to_rgb(whole, tags) if grey else whole


def _places(tags: Any, name: str, rows: int, columns: int, width: int) -> list[tuple[int, int]]:
    """(top, left) of each tile, by PS3.3 C.7.6.17.3; of several focal planes or optical paths only the first."""
    frames = int(tags.get("NumberOfFrames") or 1)
    per_frame = tags.get("PerFrameFunctionalGroupsSequence")
    if per_frame:
        try:
            positions = [f.PlanePositionSlideSequence[0] for f in per_frame]
            return [
                (int(p.RowPositionInTotalImagePixelMatrix) - 1, int(p.ColumnPositionInTotalImagePixelMatrix) - 1)
                for p in positions
            ]
        except (AttributeError, IndexError):
            raise BadImage(name, "a whole slide whose tiles don't say where they lie") from None
    across = -(-width // columns)
    down = -(-int(tags.get("TotalPixelMatrixRows") or rows) // rows)
    return [(i // across * rows, i % across * columns) for i in range(min(frames, across * down))]
