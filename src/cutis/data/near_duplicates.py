"""Which images are the same photograph: by bytes, by pixels, and by look, in one dataset or across several.

By look: candidates (`cutis.data.pair_candidates`) are laid on one another and count if their fine detail correlates
(`cutis.image.alignment`). Robust to crop, rotation, flip, rescaling, recompression and a change of colour; two
photographs of one lesion, taken apart, are not meant to be found: `lesion_id` is for that.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, Any

import numpy as np
import polars as pl

from cutis.data.dataset import Dataset
from cutis.data.duplicates import PAIRS, read_duplicates, write_duplicates
from cutis.data.pair_candidates import Candidates, Described, by_embedding, by_features, by_hash, concatenated
from cutis.data.threads import one_thread_each, ordered
from cutis.errors import CutisError, nearest
from cutis.image import hashing
from cutis.image.alignment import Picture, detail_of, picture, score
from cutis.image.decode import decode, decode_grey, read_bytes, room_for
from cutis.image.local_features import NO_FEATURES, SHORT, Features, describe
from cutis.progress import Progress, silent

WAYS = ("look", "hash")
THRESHOLD = 0.65  # of the correlation of detail; see cutis.image.alignment
_LONGEST = 2.5  # sides of a picture: a longer one is squeezed to this
_ALIKE = 0.99  # score above which two images of one size may have the same pixels
_TOGETHER = 64  # images hashed at once; OpenCV 5 takes up to 128 channels
_PICTURES = 4096  # kept ready while pairs are compared


@dataclass(frozen=True)
class _Image:
    dataset: str
    image_id: str
    path: Path
    sha256: str | None
    size: tuple[int | None, int | None]


def find_duplicates(
    datasets: Sequence[Dataset],
    *,
    by: str = "look",
    embeddings: Mapping[str, pl.DataFrame] | None = None,
    threshold: float = THRESHOLD,
    progress: Progress[Any] = silent,
) -> pl.DataFrame:
    """`near_duplicates`, and duplicates.parquet written into each dataset; decisions made before are kept."""
    for dataset in datasets:
        read_duplicates(dataset)  # a spoilt file is said before the work, not after
    pairs = near_duplicates(datasets, by=by, embeddings=embeddings, threshold=threshold, progress=progress)
    write_duplicates(datasets, pairs)
    return pairs


def near_duplicates(
    datasets: Sequence[Dataset],
    *,
    by: str = "look",
    embeddings: Mapping[str, pl.DataFrame] | None = None,
    threshold: float = THRESHOLD,
    progress: Progress[Any] = silent,
) -> pl.DataFrame:
    """Pairs of images that are one photograph: dataset, image_id, other_dataset, other_id, kind, score.

    kind: "same bytes", "same pixels" (score 1) or "near" (score: correlation of detail after alignment, threshold..1).
    Of many copies of one image not every pair is listed; they are connected (`cutis.data.duplicates.with_clusters`).
    by: "look"; or "hash", several times faster, which does not find crops and other rotations than quarter turns.
    embeddings: dataset name -> embeddings table (`cutis.schema.embeddings`), for more candidates.
    Sorted; the same images give the same pairs. Takes some 8 KB of memory and 6 KB of temporary disk an image.
    Raises CutisError if two datasets have one name, an image is unreadable, or an embedding is missing.
    """
    if by not in WAYS:
        raise CutisError(f'by "{by}": {nearest(by, WAYS)}')
    if not 0 < threshold < 1:
        raise CutisError(f"threshold {threshold:g}: expected a correlation in 0..1.")
    names = [d.card.name for d in datasets]
    for name in names:
        if names.count(name) > 1:
            raise CutisError(f'two datasets are named "{name}": import one again with another --name.')
    images = [
        _Image(d.card.name, row["image_id"], d.path / row["file"], row["sha256"], (row["height"], row["width"]))
        for d in datasets
        for row in d.usable().sort("image_id").iter_rows(named=True)
    ]
    distinct, pairs = _same_bytes(images)
    with tempfile.TemporaryFile() as store, one_thread_each():
        described, starts = _described([i.path for i in distinct], store, by == "look", progress)
        candidates = [by_hash(described, progress)]
        if by == "look":
            candidates.append(by_features(described, progress))
            if embeddings is not None:
                candidates.append(by_embedding(described, _embedded(distinct, embeddings), progress))
        scored = _scored(concatenated(candidates), described.sizes, starts, store, progress)
    for (a, b), value in scored.items():
        if value >= threshold:
            one, other = distinct[a], distinct[b]
            same = value >= _ALIKE and None not in one.size and one.size == other.size and _same_pixels(one, other)
            pairs.append((one, other, "same pixels" if same else "near", 1.0 if same else value))
    rows = [(a.dataset, a.image_id, b.dataset, b.image_id, kind, value) for a, b, kind, value in pairs]
    return pl.DataFrame(rows, schema=PAIRS, orient="row").sort("dataset", "image_id", "other_dataset", "other_id")


def _same_bytes(images: list[_Image]) -> tuple[list[_Image], list[tuple[_Image, _Image, str, float]]]:
    """One image of each content, and the pairs of it with its copies."""
    first: dict[str, _Image] = {}
    distinct, pairs = [], []
    for image in images:
        if image.sha256 is not None and image.sha256 in first:
            pairs.append((first[image.sha256], image, "same bytes", 1.0))
            continue
        if image.sha256 is not None:
            first[image.sha256] = image
        distinct.append(image)
    return distinct, pairs


def _described(
    paths: list[Path], store: IO[bytes], features: bool, progress: Progress[Any]
) -> tuple[Described, np.ndarray]:
    """What the candidates are found by; and where each picture starts in `store`."""
    n = len(paths)
    sizes, starts = np.zeros((n, 2), np.int32), np.zeros(n, np.int64)
    small = np.zeros((n, hashing.SIZE, hashing.SIZE), np.uint8)
    counts, points, vectors = np.zeros(n, np.int64), [], []
    with closing(ordered(partial(_look, features=features), paths)) as work:
        for i, (grey, squeezed, found) in enumerate(progress(work, n, "look")):
            starts[i] = store.tell()
            store.write(grey.tobytes())
            sizes[i], small[i], counts[i] = grey.shape, squeezed, len(found.points)
            points.append(found.points)
            vectors.append(found.vectors)
    store.flush()
    hashes = np.zeros((n, len(hashing.ORIENTATIONS)), np.uint64)
    details = small.view(np.int8)
    for start in range(0, n, _TOGETHER):
        some = slice(start, start + _TOGETHER)
        hashes[some] = hashing.phash_orientations(small[some])
        channels = small[some].transpose(1, 2, 0).astype(np.float32, "C").squeeze()  # blurred as if one image's
        detail = detail_of(channels, hashing.SIZE / SHORT).clip(-2, 2) * (127 / 2)
        details[some] = np.round(detail).reshape(hashing.SIZE, hashing.SIZE, -1).transpose(2, 0, 1)
    owner = np.repeat(np.arange(n, dtype=np.int32), counts)
    return Described(
        sizes,
        hashes,
        details.reshape(n, hashing.SIZE**2),
        owner,
        np.concatenate([NO_FEATURES.points, *points]),
        np.concatenate([NO_FEATURES.vectors, *vectors]),
    ), starts


def _look(path: Path, features: bool) -> tuple[np.ndarray, np.ndarray, Features]:
    """One image: a small grey picture of it, the same squeezed to 32 x 32, and its features."""
    import cv2

    grey = decode_grey(read_bytes(path), str(path), least=SHORT)
    height, width = grey.shape
    aspect = min(max(width / height, 1 / _LONGEST), _LONGEST)
    size = (round(SHORT * aspect), SHORT) if aspect >= 1 else (SHORT, round(SHORT / aspect))
    grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(grey, (hashing.SIZE, hashing.SIZE), interpolation=cv2.INTER_AREA)
    return grey, small, describe(grey) if features else NO_FEATURES


def _embedded(images: list[_Image], embeddings: Mapping[str, pl.DataFrame]) -> np.ndarray:
    vectors = {
        (name, image_id): vector
        for name, table in embeddings.items()
        for image_id, vector in zip(table["image_id"], table["vector"].to_numpy(), strict=True)
    }
    missing = next((i for i in images if (i.dataset, i.image_id) not in vectors), None)
    if missing is not None:
        raise CutisError(f'embeddings of "{missing.dataset}" lack image "{missing.image_id}". Make them again.')
    return np.stack([vectors[i.dataset, i.image_id] for i in images])


def _scored(
    candidates: Candidates, sizes: np.ndarray, starts: np.ndarray, store: IO[bytes], progress: Progress[Any]
) -> dict[tuple[int, int], float]:
    """The score of each pair, in order."""
    order = np.lexsort((candidates.other, candidates.one))
    one, other, guesses = candidates.one[order], candidates.other[order], candidates.guess[order]
    first = np.flatnonzero(np.diff(one, prepend=-1) | np.diff(other, prepend=-1))
    ends = np.append(first, len(one))[1:]
    pixels = np.memmap(store, np.uint8, "r") if len(starts) else np.zeros(0, np.uint8)

    @lru_cache(_PICTURES)
    def ready(i: int) -> Picture:
        height, width = map(int, sizes[i])
        return picture(pixels[starts[i] : starts[i] + height * width].reshape(height, width))

    def compare(span: tuple[int, int]) -> float:
        row, end = span
        return score(ready(int(one[row])), ready(int(other[row])), guesses[row:end])

    spans = list(zip(first.tolist(), ends.tolist(), strict=True))
    with closing(ordered(compare, spans)) as work:
        values = list(progress(work, len(spans), "align"))
    return dict(zip(zip(one[first].tolist(), other[first].tolist(), strict=True), values, strict=True))


def _same_pixels(one: _Image, other: _Image) -> bool:
    first, second = read_bytes(one.path), read_bytes(other.path)
    with room_for(first, str(one.path), copies=2), room_for(second, str(other.path), copies=2):
        a, b = decode(first, str(one.path)), decode(second, str(other.path))
        return np.array_equal(a, b)
