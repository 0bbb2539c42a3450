"""The ticks of a ruler among dark lines: short, straight, parallel, evenly spaced, near a side of the picture."""

from __future__ import annotations

import numpy as np

from cutis.image.lines import Lines

_NEAR = 0.25  # of the shorter side: how far in from a side a tick may lie
_LENGTH, _BREADTH = (4.5, 30.0), 8.0  # pixels
_PARALLEL = float(np.radians(14))
_RATIO = 2.6  # of the longest tick to the shortest: those of half a centimetre are longer
_SLANT, _UNEVEN = 0.25, 0.2  # of a gap: how far a row may run askew; how uneven it may be
_GAP = (4.0, 60.0)  # pixels from tick to tick
_MOST = 60  # candidates looked at
ENOUGH = 3  # ticks in a row; or two, if bold, and no third line of their kind is in the picture (stubble has many)
_BOLD = 28.0  # grey levels darker than beside it, on average


def row_of_ticks(lines: Lines, shape: tuple[int, int]) -> tuple[int, np.ndarray]:
    """How many ticks the longest even row has (3 also for two bold ones alone), and a mask of them."""
    height, width = shape
    inwards = np.minimum(np.minimum(lines.x, width - 1 - lines.x), np.minimum(lines.y, height - 1 - lines.y))
    fits = (lines.length >= _LENGTH[0]) & (lines.length <= _LENGTH[1]) & (lines.breadth <= _BREADTH)
    fits &= (lines.length >= 1.8 * lines.breadth) & (inwards <= _NEAR * min(shape))
    chosen = np.flatnonzero(fits)
    chosen = chosen[np.argsort(inwards[chosen])][:_MOST]
    nothing = np.zeros(len(lines.x), bool)
    if len(chosen) < 2:
        return len(chosen), lines.mask(nothing)
    x, y, angle, length = lines.x[chosen], lines.y[chosen], lines.angle[chosen], lines.length[chosen]
    dx, dy = x[None] - x[:, None], y[None] - y[:, None]
    gap = np.hypot(dx, dy)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    along, across = np.abs(dx * cos + dy * sin), dx * sin - dy * cos  # of each step, against the first one's direction
    longer, shorter = np.maximum(length[None], length[:, None]), np.minimum(length[None], length[:, None])
    alike = (_turn(angle[None], angle[:, None]) <= _PARALLEL) & (longer <= _RATIO * shorter)
    alike &= along <= 0.6 * longer + _SLANT * gap  # side by side, even if one is cut by the picture's edge
    neighbours = alike & (gap >= _GAP[0]) & (gap <= _GAP[1]) & (np.abs(across) >= 0.7 * gap)
    best, members = 1, np.zeros(len(chosen), bool)
    first, second = np.nonzero(np.triu(neighbours, 1))
    steps = across[first] / across[first, second][:, None]
    places = np.rint(steps)
    even = alike[first] & (np.abs(steps - places) <= _UNEVEN)
    sizes = even.sum(1)
    for pair in np.argsort(-sizes):
        if sizes[pair] <= best:
            break
        row = _longest_run(places[pair, even[pair]])
        if row > best:
            best, members = row, even[pair]
    which = nothing.copy()
    which[chosen[members]] = True
    if best == 2 and (lines.depth[which] >= _BOLD).all():
        kind = _turn(lines.angle, lines.angle[which][0]) <= 2 * _PARALLEL
        kind &= (lines.length >= lines.length[which].min() / _RATIO) & (lines.length >= 1.8 * lines.breadth)
        kind &= lines.depth >= 0.75 * lines.depth[which].min()
        best = ENOUGH if kind.sum() <= 2 else best
    return best, lines.mask(which)


def _turn(one: np.ndarray, other: np.ndarray | float) -> np.ndarray:
    """Angle between two undirected lines, 0..pi/2 radians."""
    return np.abs(np.mod(one - other + np.pi / 2, np.pi) - np.pi / 2)


def _longest_run(places: np.ndarray) -> int:
    """The longest run of consecutive whole numbers among `places`."""
    there = np.unique(places)
    if not len(there):
        return 0
    breaks = np.flatnonzero(np.diff(there) != 1)
    edges = np.concatenate([[-1], breaks, [len(there) - 1]])
    return int(np.diff(edges).max())
