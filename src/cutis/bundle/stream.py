"""Files -> outputs of the network, in order, decoding and inference side by side in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cutis.bundle.runtime import Outputs, Runtime
from cutis.data.threads import cpus
from cutis.errors import CutisError
from cutis.image.decode import BadImage, read_square

BATCH = 16


@dataclass(frozen=True)
class Chunk:
    """Outputs of consecutive files, starting at number `start`. reasons: file's place in the chunk -> why unreadable
    (its row of logits and features means nothing)."""

    start: int
    logits: np.ndarray
    features: np.ndarray
    reasons: dict[int, str]


def stream(
    paths: Sequence[Path], runtime: Runtime, size: int, *, batch: int = BATCH, workers: int | None = None
) -> Iterator[Chunk]:
    """Decode by `workers` threads (one a core) while `runtime` infers; an unreadable image is a reason, not an error.

    A few batches are in flight at a time, whatever the number of files. Stopped early (Ctrl-C), it drops what waits.
    """
    if batch < 1:
        raise CutisError(f"batch {batch}: expected 1 or more.")
    workers = workers or cpus()
    batch = max(1, min(batch, -(-len(paths) // workers)))
    decoders = ThreadPoolExecutor(workers, thread_name_prefix="cutis-decode")
    starts = iter(range(0, len(paths), batch))
    decoding: deque[tuple[int, Future[tuple[np.ndarray, dict[int, str]]]]] = deque()
    inferring: deque[tuple[int, dict[int, str], Future[Outputs]]] = deque()

    def finished() -> Chunk:
        start, reasons, outputs = inferring.popleft()
        return Chunk(start, *outputs.result(), reasons)

    try:
        while True:
            while len(decoding) < workers + 2 and (start := next(starts, None)) is not None:
                decoding.append((start, decoders.submit(_read, paths[start : start + batch], size)))
            if not decoding:
                break
            start, pixels = decoding.popleft()
            images, reasons = pixels.result()
            inferring.append((start, reasons, runtime.submit(images)))
            if len(inferring) > runtime.JOBS:
                yield finished()
        while inferring:
            yield finished()
    finally:
        decoders.shutdown(wait=True, cancel_futures=True)


def _read(paths: Sequence[Path], size: int) -> tuple[np.ndarray, dict[int, str]]:
    images = np.zeros((len(paths), size, size, 3), np.uint8)
    reasons: dict[int, str] = {}
    for i, path in enumerate(paths):
        try:
            images[i] = read_square(path, size)
        except BadImage as error:
            reasons[i] = error.reason
    return images, reasons
