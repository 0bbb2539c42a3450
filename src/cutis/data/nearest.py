"""Which vectors lie close together, among millions, without comparing all pairs.

An inverted file (Jegou, Douze & Schmid, IEEE TPAMI 2011, doi:10.1109/TPAMI.2010.57): vectors are put into cells around
centres found by k-means on a sample; a query is compared with the vectors of its few nearest cells only, in one matrix
product a cell. With few vectors there is one cell, and the answer is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from cutis.data.threads import ordered
from cutis.progress import Progress, silent

_EXACT = 4096  # vectors up to which one cell holds all
_SAMPLE = 40  # vectors a centre that k-means learns from
_ROUNDS = 6
_BLOCK = 2**21  # similarities held at once by a thread: what fits in a cache


@dataclass(frozen=True)
class Matches:
    """Row i: query `query[i]` and vector `found[i]` have the cosine `similarity[i]`. Sorted by query, then found."""

    query: np.ndarray
    found: np.ndarray
    similarity: np.ndarray


class Index:
    """Vectors of length one, put into cells.

    vectors: (n, d), any float type; float16 keeps a million features in 100 MB. owner: int (n,), e.g. the image that a
    feature is of: what belongs to the same owner is not searched for. Deterministic.
    """

    def __init__(self, vectors: np.ndarray, owner: np.ndarray) -> None:
        self.vectors, self.owner = vectors, owner
        self.cells = 1 if len(vectors) <= _EXACT else int(np.sqrt(len(vectors)))
        self._centres = _centres(vectors, self.cells)
        home = _closest_cells(vectors, self._centres, 1)[:, 0]
        self._order = np.lexsort((owner, home))
        self._ends = np.searchsorted(home[self._order], np.arange(self.cells + 1))

    def nearest(
        self,
        queries: np.ndarray,
        owner: np.ndarray,
        *,
        at_least: float,
        most: int,
        probes: int = 3,
        progress: Progress[Any] = silent,
    ) -> Matches:
        """For each query (m, d) the up to `most` vectors of another owner with a cosine of `at_least`, closest first.

        probes: cells looked into for a query; more finds more, slower.
        """
        visits = _closest_cells(queries, self._centres, min(probes, self.cells))
        by_visit = np.argsort(visits.ravel(), kind="stable")
        visit_ends = np.searchsorted(visits.ravel()[by_visit], np.arange(self.cells + 1))
        by_visit //= visits.shape[1]

        def compare(cell: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
            inside = self._order[self._ends[cell] : self._ends[cell + 1]]
            asking = by_visit[visit_ends[cell] : visit_ends[cell + 1]]
            close: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
            if not (len(inside) and len(asking)):
                return close
            members = self.vectors[inside].astype(np.float32).T
            step = max(1, _BLOCK // len(inside))
            for start in range(0, len(asking), step):
                some = asking[start : start + step]
                similarity = queries[some].astype(np.float32) @ members
                _hide_own(similarity, owner[some], self.owner[inside])
                close += [
                    (some[row].astype(np.int32), inside[column].astype(np.int32), value)
                    for row, column, value in _closest(similarity, at_least, most)
                ]
            return close

        from threadpoolctl import threadpool_limits

        with threadpool_limits(1), closing(ordered(compare, range(self.cells))) as work:  # a core a cell
            parts = [part for cell in progress(work, self.cells, "compare") for part in cell]
        if not parts:
            nothing = np.zeros(0, np.int32)
            return Matches(nothing, nothing, np.zeros(0, np.float32))
        query, found, value = (np.concatenate([part[i] for part in parts]) for i in range(3))
        order = np.lexsort((found, -value, query))
        query, found, value = query[order], found[order], value[order]
        kept = np.arange(len(query)) - np.searchsorted(query, query) < most
        return Matches(query[kept], found[kept], value[kept])


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """float32 rows of length one (a row of zeros stays)."""
    rows = np.asarray(rows, np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    made: np.ndarray = rows / np.maximum(lengths, np.float32(1e-12))
    return made


def _hide_own(similarity: np.ndarray, query_owner: np.ndarray, owner: np.ndarray) -> None:
    """Put -2 where a query meets a vector of its own owner; `owner` is sorted."""
    first, last = np.searchsorted(owner, query_owner, "left"), np.searchsorted(owner, query_owner, "right")
    rows, offset = np.flatnonzero(last > first), 0
    while len(rows):
        similarity[rows, first[rows] + offset] = -2
        offset += 1
        rows = rows[last[rows] - first[rows] > offset]


def _closest(similarity: np.ndarray, at_least: float, most: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(row, column, value) of each row's largest, then its second largest...; `similarity` is used up."""
    rows = np.arange(len(similarity))
    for _ in range(min(most, similarity.shape[1])):
        column = similarity[rows].argmax(1) if len(rows) < len(similarity) else similarity.argmax(1)
        value = similarity[rows, column]
        near = value >= at_least
        rows, column, value = rows[near], column[near], value[near]
        if not len(rows):
            return
        yield rows, column, value
        similarity[rows, column] = -2


def _centres(vectors: np.ndarray, cells: int) -> np.ndarray:
    """float32 (cells, d) of length one, by spherical k-means on an even sample, from evenly spaced beginnings."""
    take = min(len(vectors), cells * _SAMPLE)
    sample = vectors[np.linspace(0, max(len(vectors) - 1, 0), take).astype(np.int64)].astype(np.float32)
    if cells == 1:
        return np.zeros((1, vectors.shape[1]), np.float32)
    centres = sample[np.linspace(0, take - 1, cells).astype(np.int64)]
    for _ in range(_ROUNDS):
        nearest = _closest_cells(sample, centres, 1)[:, 0]
        order = np.argsort(nearest, kind="stable")
        starts = np.searchsorted(nearest[order], np.arange(cells))
        sums = np.add.reduceat(sample[order], np.minimum(starts, take - 1), axis=0)
        held = np.bincount(nearest, minlength=cells)[:, None] > 0
        centres = np.where(held, unit_rows(sums), centres)
    return centres


def _closest_cells(rows: np.ndarray, centres: np.ndarray, count: int) -> np.ndarray:
    """int32 (n, count): the cells whose centres are closest to each row."""
    found = np.zeros((len(rows), count), np.int32)
    if len(centres) == 1:
        return found
    step = max(1, _BLOCK // len(centres))
    for start in range(0, len(rows), step):
        similarity = rows[start : start + step].astype(np.float32) @ centres.T
        everyone = np.arange(len(similarity))
        for i in range(count):  # a few rounds of argmax are several times faster than argpartition here
            best = similarity.argmax(1)
            found[start : start + step, i] = best
            similarity[everyone, best] = -2
    return found
