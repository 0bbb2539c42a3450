"""Files -> outputs of the network, in order and in bounded memory, a core a chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cutis.bundle.runtime import Runtime
from cutis.data.threads import cpus, ordered
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


def stream(paths: Sequence[Path], runtime: Runtime, size: int, *, batch: int = BATCH) -> Iterator[Chunk]:
    """Each of as many threads as cores decodes a chunk, then infers it; an unreadable image is a reason, not an error.

    Decoding and inference in one thread, not in two pools: so there are never more threads at work than cores, which
    was measured faster. A few chunks wait at a time, whatever the number of files; stopped early (Ctrl-C), what
    waits is dropped.
    """
    if batch < 1:
        raise CutisError(f"batch {batch}: expected 1 or more.")
    batch = max(1, min(batch, -(-len(paths) // cpus())))

    def work(start: int) -> Chunk:
        images, reasons = _read(paths[start : start + batch], size)
        return Chunk(start, *runtime.infer(images), reasons)

    return ordered(work, range(0, len(paths), batch))


def _read(paths: Sequence[Path], size: int) -> tuple[np.ndarray, dict[int, str]]:
    images = np.zeros((len(paths), size, size, 3), np.uint8)
    reasons: dict[int, str] = {}
    for i, path in enumerate(paths):
        try:
            images[i] = read_square(path, size)
        except BadImage as error:
            reasons[i] = error.reason
    return images, reasons
