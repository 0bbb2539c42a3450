"""Text burned into the pixels (a name, a date, a ruler's numbers): found by its shape, never read.

Overlaid text is a row of small strokes of one flat brightness, far from what lies behind them. So: strokes by top-hat
(bright) and black-hat (dark) morphology, connected components as letters, letters of like height side by side as
lines. A line counts from `LETTERS` letters on. Hairs are too long, pores too scattered, a ruler's ticks too alike.

Measured (benchmarks/deidentify.py): of 60 dermoscopy images with a line of text drawn on them, white, black or yellow,
57 were flagged; of 500 of HAM10000 without, 2. Crossing hairs are what is mistaken.

It is a flag to look, not a proof: handwriting, upright text and letters under 6 pixels are not found.
"""

from __future__ import annotations

import cv2
import numpy as np

LETTERS = 4
_LONGEST = 1600  # pixels: larger pictures are scaled down first
_CONTRAST = 60  # of 255 levels between a stroke and what lies behind it
_HEIGHTS = (6, 48)
_INK = 90  # levels by which the middle of a letter may vary: thin coloured strokes bleed in a JPEG
_GAP = 0.9  # of the taller letter's height: between two letters of a line, at most
_STROKE = 15  # pixels: the widest stroke, and what the morphology closes over


def letters_in(pixels: np.ndarray) -> int:
    """How many letters stand in lines of text; 0 where none was found. pixels: uint8 (height, width, 3)."""
    height, width = pixels.shape[:2]
    if min(height, width) < 2 * _HEIGHTS[0]:
        return 0
    scale = _LONGEST / max(height, width)
    if scale < 1:
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    element = cv2.getStructuringElement(cv2.MORPH_RECT, (_STROKE, _STROKE))
    found = 0
    # The brightest channel shows coloured letters on dark as well as white ones; the darkest, dark letters on light.
    for plane, operation in ((pixels.max(axis=2), cv2.MORPH_TOPHAT), (pixels.min(axis=2), cv2.MORPH_BLACKHAT)):
        strokes = cv2.morphologyEx(plane, operation, element)
        found += _in_lines(_letters(strokes, plane))
    return found


def _letters(strokes: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """(n, 4) left, top, width, height of components that could be letters."""
    mask = (strokes > _CONTRAST).astype(np.uint8)
    n, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if n < LETTERS + 1:
        return np.empty((0, 4), int)
    _, _, w, h, area = stats.T
    low, high = _HEIGHTS
    share = area / (w * h)
    possible = (h >= low) & (h <= high) & (w <= 1.6 * h) & (w >= 1) & (share > 0.15) & (area >= 6)
    possible[0] = False
    chosen = [k for k in np.flatnonzero(possible) if share[k] < 0.85 or w[k] < 0.45 * h[k]]
    flat = [k for k in chosen if _is_flat(labels, plane, int(k), stats[k])]
    return np.asarray(stats[flat][:, :4], int).reshape(-1, 4)


def _is_flat(labels: np.ndarray, plane: np.ndarray, k: int, box: np.ndarray) -> bool:
    """Whether the middle half of a component's brightnesses lie close together: one ink, not a reflex or a hair."""
    x, y, w, h = box[:4]
    inside = plane[y : y + h, x : x + w][labels[y : y + h, x : x + w] == k]
    low, high = np.percentile(inside, (35, 80))
    return bool(high - low < _INK)


def _in_lines(boxes: np.ndarray) -> int:
    """Letters that stand in lines of at least LETTERS, which are not all thin (a ruler's ticks)."""
    left_to_right = boxes[np.argsort(boxes[:, 0], kind="stable")].tolist()
    lines: list[list[list[int]]] = []
    near: list[list[list[int]]] = []  # lines that may still go on, in the same order: the rest end too far left
    for at, box in enumerate(left_to_right):
        if at % 64 == 0:
            near = [line for line in near if box[0] - (line[-1][0] + line[-1][2]) <= _GAP * _HEIGHTS[1]]
        home = next((line for line in reversed(near) if _follows(line[-1], box)), None)
        if home is None:
            lines.append([box])
            near.append(lines[-1])
        else:
            home.append(box)
    return sum(len(line) for line in lines if len(line) >= LETTERS and _is_written(np.array(line)))


def _follows(last: list[int], box: list[int]) -> bool:
    """Whether `box` could be the next letter: about as high, on the same line, and near."""
    tall, gap = max(last[3], box[3]), box[0] - (last[0] + last[2])
    heads, feet = abs(last[1] - box[1]), abs((last[1] + last[3]) - (box[1] + box[3]))
    alike = min(last[3], box[3]) >= 0.6 * tall and min(feet, heads) <= max(1, 0.15 * tall)
    return alike and -0.2 * tall <= gap <= _GAP * tall


def _is_written(line: np.ndarray) -> bool:
    wide = line[:, 2] >= 0.4 * line[:, 3]
    return bool(wide.sum() >= LETTERS - 1)
