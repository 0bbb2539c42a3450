"""Whole slides: of a series only the thumbnail, or else its lowest level, put together from its tiles.

A slide's label and overview are never read: both may show a name (PS3.3 C.8.12.4.1.1 says what an image is of).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cutis.data.dicom import stored
from cutis.data.dicom.grey import grey_to_rgb
from cutis.data.dicom.pixels import rgb
from cutis.image.decode import MAX_PIXELS, BadImage

_MOST_TILED = 10  # times as many pixels in tiles as a picture may have: edges stand out, planes lie over each other


def flavour(tags: Any) -> str:
    """VOLUME, THUMBNAIL, LABEL or OVERVIEW; "" if the header doesn't say."""
    said = list(tags.get("ImageType") or ())
    return str(said[2]) if len(said) > 2 else ""


def area(tags: Any) -> int:
    """Pixels of the whole level; 0 if the header doesn't say."""
    return int(tags.get("TotalPixelMatrixRows") or 0) * int(tags.get("TotalPixelMatrixColumns") or 0)


def choose(slides: Sequence[Any]) -> set[int]:
    """Which of these headers of whole-slide objects to read: one a series, by position."""
    best: dict[str, tuple[bool, int, int]] = {}
    for place, tags in enumerate(slides):
        if flavour(tags) not in ("VOLUME", "THUMBNAIL"):
            continue
        rank = (flavour(tags) != "THUMBNAIL", area(tags), place)
        series = str(tags.get("SeriesInstanceUID") or place)
        best[series] = min(rank, best.get(series, rank))
    return {place for _, _, place in best.values()}


def overview(tags: Any, name: str) -> np.ndarray:
    """uint8 (height, width, 3) of the whole level; where no tile lies it is white, or 0 if grey. Raises BadImage."""
    try:
        return _overview(tags, name)
    except (BadImage, MemoryError):
        raise
    except Exception as error:  # pydicom raises many kinds of error on damaged headers
        raise stored.undecodable(name, error) from None


def _overview(tags: Any, name: str) -> np.ndarray:
    said = stored.check(tags, name)
    height = int(tags.get("TotalPixelMatrixRows") or said.rows)
    width = int(tags.get("TotalPixelMatrixColumns") or said.columns)
    if not (height > 0 and width > 0 and height * width <= MAX_PIXELS):
        raise BadImage(name, f"a whole slide of {width} x {height} pixels at its lowest level; no thumbnail is here")
    places = _places(tags, name, said, height, width)
    if len(places) * said.rows * said.columns > _MOST_TILED * MAX_PIXELS:
        raise BadImage(name, f"{len(places)} tiles of {said.columns} x {said.rows} for {width} x {height} pixels")
    # Grey is shown when it is whole: its range is the slide's, not a tile's.
    grey = said.samples == 1 and said.kind != "PALETTE COLOR"
    whole: np.ndarray | None = None
    bits = said.bits
    for index, (top, left) in enumerate(places):
        if not (0 <= top < height and 0 <= left < width):
            raise BadImage(name, f"tile {index + 1} lies outside the slide")
        if grey:
            found = stored.values(tags, name, index)
            tile, bits = found.pixels, found.bits
        else:
            tile = rgb(tags, name, index)
        if whole is None:
            whole = np.full((height, width, *tile.shape[2:]), 0 if grey else 255, tile.dtype)
        part = whole[top : top + said.rows, left : left + said.columns]
        part[:] = tile[: part.shape[0], : part.shape[1]]
    if whole is None:
        raise BadImage(name, "a whole slide without tiles")
    return grey_to_rgb(whole, tags, bits) if grey else whole


def _places(tags: Any, name: str, said: stored.Layout, height: int, width: int) -> list[tuple[int, int]]:
    """(top, left) of each tile, by PS3.3 C.7.6.17.3; of several focal planes or optical paths only the first."""
    per_frame = tags.get("PerFrameFunctionalGroupsSequence")
    if per_frame:
        try:
            positions = [f.PlanePositionSlideSequence[0] for f in per_frame]
            return [
                (int(p.RowPositionInTotalImagePixelMatrix) - 1, int(p.ColumnPositionInTotalImagePixelMatrix) - 1)
                for p in positions
            ]
        except (AttributeError, IndexError, TypeError, ValueError):
            raise BadImage(name, "a whole slide whose tiles don't say where they lie") from None
    across, down = -(-width // said.columns), -(-height // said.rows)
    return [(i // across * said.rows, i % across * said.columns) for i in range(min(said.frames, across * down))]
