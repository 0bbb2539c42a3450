"""The training cache: every image decoded once, at training size, in one memory-mapped file.

A cache is named by what is in it (content digest of the dataset, the images asked for, size, colour constancy, decoder
version), so it is never out of date. It is written aside and renamed: whoever is killed while building leaves only a
partial file, which the next builder removes. A lock lets one process build while others wait.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cutis.data.dataset import Dataset
from cutis.data.threads import ordered
from cutis.errors import CutisError
from cutis.files import disk_errors, only_writer, sha256_text
from cutis.image.decode import VERSION, read_square
from cutis.progress import Progress, silent


@dataclass(frozen=True)
class Cache:
    """images: uint8 (n, size, size, 3), read-only, mapped from `path`; index: image_id -> its row."""

    path: Path
    images: np.ndarray
    index: dict[str, int]

    def rows(self, image_ids: Sequence[str]) -> np.ndarray:
        """Row numbers (int64) of `image_ids`. Raises CutisError for one that isn't cached."""
        try:
            return np.array([self.index[i] for i in image_ids], np.int64)
        except KeyError as error:
            raise CutisError(f"image {error} is not in the cache {self.path}.") from None


def open_cache(
    dataset: Dataset,
    image_ids: Sequence[str],
    size: int,
    *,
    constancy: str = "none",
    root: Path | str | None = None,
    progress: Progress[Any] = silent,
) -> Cache:
    """The cache of these images at size x size, built if it isn't there yet (`cutis.image.decode.read_square`).

    constancy: as there; each has a cache of its own.
    root: folder of caches; by default <dataset>/.cache, or the user's cache folder where the dataset can't be written.
    Raises CutisError for an unknown or unreadable image, and for a full disk (nothing is kept).
    """
    ids = sorted(set(image_ids))
    files = dict(dataset.usable().select("image_id", "file").iter_rows())
    unknown = next((i for i in ids if i not in files), None)
    if unknown is not None or not ids:
        raise CutisError(f'{dataset.path}: no readable image "{unknown}".' if ids else "a cache of no images.")
    folder = Path(root) if root is not None else _folder(dataset)
    colours = [] if constancy == "none" else [constancy]
    key = sha256_text("\n".join([dataset.card.digest, str(size), str(VERSION), *colours, *ids]))[:32]
    path = folder / f"{key}-{size}.npy"
    shape = (len(ids), size, size, 3)
    with disk_errors(path):
        folder.mkdir(parents=True, exist_ok=True)
        if _opened(path, shape) is None:
            with only_writer(path, "cutis train, decoding images", wait=math.inf, beside=True):
                if _opened(path, shape) is None:  # nobody built it while we waited
                    _build(path, shape, [dataset.path / files[i] for i in ids], constancy, progress)
    images = _opened(path, shape)
    if images is None:
        raise CutisError(f"{path}: damaged right after it was written; check the disk.")
    return Cache(path, images, {image_id: row for row, image_id in enumerate(ids)})


def _folder(dataset: Dataset) -> Path:
    inside = dataset.path / ".cache"
    if os.access(inside if inside.exists() else dataset.path, os.W_OK):
        return inside
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cutis"


def _opened(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The file as an array, or None if it is absent, cut short or of another shape."""
    try:
        images: np.ndarray = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    return images if images.shape == shape and images.dtype == np.uint8 else None


def _build(path: Path, shape: tuple[int, ...], files: list[Path], constancy: str, progress: Progress[Any]) -> None:
    for stale in path.parent.glob(f".{path.stem}-*.partial"):  # of a builder that was killed: we hold the lock
        stale.unlink(missing_ok=True)
    needed, free = int(np.prod(shape)), shutil.disk_usage(path.parent).free
    if free < needed:
        raise CutisError(
            f"{path}: the training cache needs {needed / 1e6:.0f} MB and {free / 1e6:.0f} MB are free on the disk. "
            "Free some space, or train at a smaller size."
        )
    aside = path.parent / f".{path.stem}-{os.getpid()}.partial"
    try:
        # Written, not mapped: a full disk is then an error that can be told, not a bus error.
        with aside.open("wb") as out:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_2_0(out, header)
            read = partial(read_square, size=shape[1], constancy=constancy)
            for pixels in progress(ordered(read, files), len(files), "decode"):
                out.write(pixels.data if pixels.flags.c_contiguous else pixels.tobytes())
            out.flush()
            os.fsync(out.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
