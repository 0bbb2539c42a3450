"""Row values summed by unit once, so that a resample is one product of sums and multiplicities."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from cutis.evaluate.arrays import Bools, Floats, Ints

_SPAN_BYTES = 128_000_000  # of sums held as float64 at once


class UnitSums:
    """Columns of sums over the rows of each unit; the same column given twice is held once.

    unit: (n,) numbers 0..n_units-1 of the rows. Counts are held in bytes where they fit, and of a column that is mostly
    zero only the rest; they are laid out by stretches of units, so that millions of units need little memory.
    """

    def __init__(self, unit: Ints, n_units: int) -> None:
        self._unit, self._n_units = unit, n_units
        self._columns: list[np.ndarray | tuple[Ints, Floats]] = []  # (n_units,), or the places and sums that are not 0
        self._place: dict[bytes, int] = {}
        self._block: Floats | None = None  # all of it, where that is one stretch

    @property
    def nbytes(self) -> int:
        parts = (column if isinstance(column, tuple) else (column,) for column in self._columns)
        return sum(part.nbytes for column in parts for part in column)

    def add(self, values: Floats | Bools) -> int:
        """The place of a column of (n,) row values, for reading it from `weighted`."""
        if values.dtype == bool:
            counts = np.bincount(self._unit[values], minlength=self._n_units)
            sums = counts.astype(np.uint8 if counts.max(initial=0) < 256 else np.float64)
        else:
            sums = np.bincount(self._unit, values, minlength=self._n_units)
        key = blake2b(sums.tobytes(), person=sums.dtype.str.encode()).digest()
        if key not in self._place:
            self._place[key] = len(self._columns)
            self._columns.append(sums if sums.dtype == np.uint8 else _without_zeros(np.asarray(sums, np.float64)))
        return self._place[key]

    def weighted(self, weights: Floats) -> Floats:
        """(columns, r) sums over units, each counted as often as weights (units, r) say."""
        step = max(1, _SPAN_BYTES // (8 * max(len(self._columns), 1)))
        if self._n_units <= step:
            if self._block is None:
                self._block = self._stretch(0, self._n_units)
            found: Floats = self._block @ weights
            return found
        total = np.zeros((len(self._columns), weights.shape[1]))
        for start in range(0, self._n_units, step):
            total += self._stretch(start, start + step) @ weights[start : start + step]
        return total

    def _stretch(self, start: int, stop: int) -> Floats:
        found = np.zeros((len(self._columns), min(stop, self._n_units) - start))
        for row, column in zip(found, self._columns, strict=True):
            if isinstance(column, tuple):
                places, sums = column
                first, last = np.searchsorted(places, (start, stop))
                row[places[first:last] - start] = sums[first:last]
            else:
                row[:] = column[start:stop]
        return found


def _without_zeros(sums: Floats) -> Floats | tuple[Ints, Floats]:
    places = np.flatnonzero(sums)
    return (places, sums[places]) if 4 * len(places) < len(sums) else sums
