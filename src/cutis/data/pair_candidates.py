"""Which pairs of images may be the same photograph, each with a first guess of how one lies on the other.

Three ways, none of which compares all pairs: local features of which two or more agree on where the other image lies
(crop, any rotation, flip, rescaling); perceptual hashes (flip, quarter turns, rescaling; also for images too smooth for
features); and, if there are any, embeddings of a network, whose neighbours are then matched feature by feature.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from cutis.data.nearest import Index, unit_rows
from cutis.image import hashing
from cutis.image.local_features import mirrored
from cutis.progress import Progress, silent

_SHORT = 48  # entries kept of a descriptor of 128, by principal components
_LEARN = 200_000  # descriptors that the components are learned from
_CLOSE = 0.7  # cosine of two features that may be the same place
_NEIGHBOURS = 2  # neighbours a feature
_SCALE, _TURN = 0.35, 0.9  # two matches agree: |log scale ratio| below, cosine of the angle between above
_OFF = (4.0, 0.15)  # and each predicts the other's place within 4 pixels + 15 % of the way there
_GUESSES = 3  # of how one image lies on the other, tried a pair
_HASH_BITS = 10  # hashes that differ in no more bits are candidates
_HASH_NEIGHBOURS = 3
_ALIKE = 0.5  # correlation of their small details, as they lie, that such a candidate must have
_PAIRS = 16384  # compared at once
_LIKE = 0.8  # cosine of embeddings
_LIKE_NEIGHBOURS = 5


@dataclass(frozen=True)
class Described:
    """n images: sizes int (n, 2) height and width of the described picture; hashes uint64 (n, 8), one an orientation.

    details: int8 (n, 1024), the detail of the picture squeezed to 32 x 32 (see `cutis.image.alignment`), times 127 / 2.

    owner: int32 (k,), the image of each feature, ascending; points float32 (k, 4); vectors uint8 (k, 128).
    """

    sizes: np.ndarray
    hashes: np.ndarray
    details: np.ndarray
    owner: np.ndarray
    points: np.ndarray
    vectors: np.ndarray


@dataclass(frozen=True)
class Candidates:
    """Row i: image one[i] < other[i], and guess[i] (2, 3), from pixels (x, y) of the one to pixels of the other."""

    one: np.ndarray
    other: np.ndarray
    guess: np.ndarray


def by_features(images: Described, progress: Progress[Any] = silent) -> Candidates:
    """The best guess of each pair of images that share two or more features in the same arrangement."""
    if len(images.owner) < 2:
        return _none()
    mean, axes = _components(images.vectors)
    plain = _shortened(images.vectors, mean, axes, flip=False)
    index = Index(plain, images.owner)
    found = []
    for flip in (False, True):
        queries = _shortened(images.vectors, mean, axes, flip=True) if flip else plain
        close = index.nearest(queries, images.owner, at_least=_CLOSE, most=_NEIGHBOURS, progress=progress)
        found.append(_agreeing(images, close.query, close.found, flip))
    return best_of(found)


def by_hash(images: Described, progress: Progress[Any] = silent) -> Candidates:
    """Pairs whose hashes are close in one of the eight orientations."""
    n = len(images.hashes)
    if n < 2:
        return _none()
    rows = np.arange(n, dtype=np.int32)
    scale = np.float32(1 / 8)  # the length of a row of 64 signs
    index = Index((hashing.signs(images.hashes[:, 0]) * scale).astype(np.float16), rows)
    found = []
    for orientation in range(len(hashing.ORIENTATIONS)):
        queries = (hashing.signs(images.hashes[:, orientation]) * scale).astype(np.float16)
        least = 1 - _HASH_BITS / 32 - 1e-3
        close = index.nearest(queries, rows, at_least=least, most=_HASH_NEIGHBOURS, progress=progress)
        like = _alike(images.details, close.query, close.found, orientation)
        query, other = close.query[like], close.found[like]
        guess = _whole_on_whole(images.sizes[query], images.sizes[other], orientation)
        found.append(_ordered(query, other, guess))
    return concatenated(found)


def _alike(details: np.ndarray, query: np.ndarray, found: np.ndarray, orientation: int) -> np.ndarray:
    """bool (m,): whether two details correlate. Lesions in the middle have like hashes: this leaves out nearly all."""
    side = hashing.SIZE
    turned = hashing.oriented(np.arange(side * side).reshape(side, side), orientation).ravel()
    like = np.zeros(len(query), bool)
    for start in range(0, len(query), _PAIRS):
        some = slice(start, start + _PAIRS)
        one = details[query[some]][:, turned].astype(np.float32)
        other = details[found[some]].astype(np.float32)
        sizes = np.einsum("ij,ij->i", one, one) * np.einsum("ij,ij->i", other, other)
        like[some] = np.einsum("ij,ij->i", one, other) >= _ALIKE * np.sqrt(np.maximum(sizes, 1))
    return like


def by_embedding(images: Described, vectors: np.ndarray, progress: Progress[Any] = silent) -> Candidates:
    """Pairs whose embeddings (n, d) are close, where their own features agree on an arrangement."""
    rows = np.arange(len(vectors), dtype=np.int32)
    index = Index(unit_rows(vectors).astype(np.float16), rows)
    close = index.nearest(index.vectors, rows, at_least=_LIKE, most=_LIKE_NEIGHBOURS, progress=progress)
    pairs = np.unique(np.sort(np.stack([close.query, close.found], 1), axis=1), axis=0)
    ends = np.searchsorted(images.owner, np.arange(len(images.sizes) + 1))
    found = []
    for flip in (False, True):
        matched = [_matched(images, ends, int(a), int(b), flip) for a, b in pairs]
        if matched:
            query, other = np.concatenate(matched, axis=1)
            found.append(_agreeing(images, query, other, flip))
    return best_of(found)


def concatenated(parts: list[Candidates]) -> Candidates:
    if not parts:
        return _none()
    return Candidates(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("one", "other", "guess")))


@dataclass(frozen=True)
class _Voted:
    candidates: Candidates
    votes: np.ndarray


def best_of(parts: list[_Voted]) -> Candidates:
    """The `_GUESSES` guesses of each pair with most votes."""
    if not parts:
        return _none()
    every, votes = concatenated([p.candidates for p in parts]), np.concatenate([p.votes for p in parts])
    order = np.lexsort((-votes, every.other, every.one))
    one, other = every.one[order], every.other[order]
    starts = np.flatnonzero(np.diff(one, prepend=-1) | np.diff(other, prepend=-1))
    rank = np.arange(len(one)) - np.repeat(starts, np.diff(np.append(starts, len(one))))
    kept = rank < _GUESSES
    return Candidates(one[kept], other[kept], every.guess[order][kept])


def _none() -> Candidates:
    return Candidates(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros((0, 2, 3), np.float32))


def _components(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    take = np.linspace(0, len(vectors) - 1, min(len(vectors), _LEARN)).astype(np.int64)
    sample = vectors[take].astype(np.float32)
    mean = sample.mean(0)
    sample -= mean
    _, axes = np.linalg.eigh(sample.T @ sample)
    return mean, np.ascontiguousarray(axes[:, ::-1][:, :_SHORT])


def _shortened(vectors: np.ndarray, mean: np.ndarray, axes: np.ndarray, *, flip: bool) -> np.ndarray:
    """float16 (k, 48) of length one."""
    short = np.empty((len(vectors), axes.shape[1]), np.float16)
    for start in range(0, len(vectors), 65536):
        some = vectors[start : start + 65536]
        some = mirrored(some) if flip else some
        short[start : start + 65536] = unit_rows((some.astype(np.float32) - mean) @ axes)
    return short


def _agreeing(images: Described, query: np.ndarray, found: np.ndarray, flip: bool) -> _Voted:
    """Matches of features that another match between the same two images agrees with; votes are how many do."""
    table = pl.DataFrame({"query": query, "found": found, "a": images.owner[query], "b": images.owner[found]}).filter(
        pl.len().over("a", "b") > 1
    )
    table = table.with_row_index("row")
    p, q = images.points[table["query"].to_numpy()], images.points[table["found"].to_numpy()]
    guess = _laid(p, q, flip)
    side = guess[:, 1, 1] + 1j * guess[:, 0, 1]  # scale and turn as one number: flips don't touch the second column
    both = table.select("row", "a", "b").join(table.select("row", "a", "b"), on=["a", "b"], suffix="_other")
    both = both.filter(pl.col("row") != pl.col("row_other"))
    i, j = both["row"].to_numpy(), both["row_other"].to_numpy()
    relative = side[i] / side[j]
    agree = (np.abs(np.log(np.abs(relative))) < _SCALE) & (relative.real > _TURN * np.abs(relative))
    i, j = i[agree], j[agree]
    predicted = np.einsum("nij,nj->ni", guess[i, :, :2], p[j, :2]) + guess[i, :, 2]
    apart = np.linalg.norm(p[i, :2] - p[j, :2], axis=1)
    off = np.linalg.norm(predicted - q[j, :2], axis=1)
    near = (off < _OFF[0] + _OFF[1] * apart) & (apart > 1.5)  # SIFT may find one place twice, with two angles
    votes = np.bincount(i[near], minlength=len(table))
    kept = votes > 0
    ends = table.filter(pl.Series(kept))
    return _Voted(_ordered(ends["a"].to_numpy(), ends["b"].to_numpy(), guess[kept]), votes[kept])


def _laid(p: np.ndarray, q: np.ndarray, flip: bool) -> np.ndarray:
    """float64 (n, 2, 3): the similarity that lays each feature p on its match q, after a flip left to right or not."""
    scale = q[:, 2].astype(float) / p[:, 2]
    start = np.deg2rad(180 - p[:, 3] if flip else p[:, 3])
    turn = np.deg2rad(q[:, 3]) - start
    c, s = scale * np.cos(turn), scale * np.sin(turn)
    side = -1.0 if flip else 1.0
    laid = np.empty((len(p), 2, 3))
    laid[:, 0, 0], laid[:, 0, 1] = side * c, -s
    laid[:, 1, 0], laid[:, 1, 1] = side * s, c
    laid[:, :, 2] = q[:, :2] - np.einsum("nij,nj->ni", laid[:, :, :2], p[:, :2])
    return laid


def _ordered(one: np.ndarray, other: np.ndarray, guess: np.ndarray) -> Candidates:
    """Turned so that the first of each pair is the smaller."""
    turned = one > other
    guess = guess.copy()
    inverse = np.linalg.inv(guess[turned][:, :, :2])
    guess[turned] = np.concatenate([inverse, -inverse @ guess[turned][:, :, 2:]], axis=2)
    return Candidates(np.minimum(one, other), np.maximum(one, other), guess.astype(np.float32))


def _whole_on_whole(sizes: np.ndarray, other_sizes: np.ndarray, orientation: int) -> np.ndarray:
    """(n, 2, 3): the whole of one picture, in an orientation, squeezed onto the whole of the other."""
    transpose, flip_rows, flip_columns = hashing.ORIENTATIONS[orientation]
    x, y = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])  # rows of a matrix on (u, v, 1), 0..1 over the picture
    if transpose:
        x, y = y, x
    if flip_rows:
        y = np.array([0, 0, 1.0]) - y
    if flip_columns:
        x = np.array([0, 0, 1.0]) - x
    unit = np.stack([x, y])
    n = len(sizes)
    laid = np.empty((n, 2, 3))
    extent = other_sizes[:, ::-1].astype(float)  # width, height
    laid[:, :, :2] = unit[None, :, :2] * extent[:, :, None] / sizes[:, None, ::-1]
    # Pixel (x, y) covers x..x+1: its centre is half a pixel further in.
    laid[:, :, 2] = unit[None, :, 2] * extent + 0.5 * laid[:, :, :2].sum(2) - 0.5
    return laid


def _matched(images: Described, ends: np.ndarray, a: int, b: int, flip: bool) -> np.ndarray:
    """int (2, m): features of `a` and those of `b` that are each other's closest."""
    ours, theirs = slice(ends[a], ends[a + 1]), slice(ends[b], ends[b + 1])
    if ours.start == ours.stop or theirs.start == theirs.stop:
        return np.zeros((2, 0), np.int64)
    one = images.vectors[ours]
    one = unit_rows(mirrored(one) if flip else one)
    similarity = one @ unit_rows(images.vectors[theirs]).T
    forth, back = similarity.argmax(1), similarity.argmax(0)
    mutual = np.flatnonzero(back[forth] == np.arange(len(forth)))
    return np.stack([ours.start + mutual, theirs.start + forth[mutual]])
