"""Files -> outputs of the network, in order and in bounded memory, a core a chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cutis.bundle.card import Preprocessing
from cutis.bundle.gate import VIEW
from cutis.bundle.runtime import Runtime
from cutis.data.threads import cpus, ordered
from cutis.errors import CutisError
from cutis.image.decode import BadImage, read_square, read_square_and_view

BATCH = 16


@dataclass(frozen=True)
class Chunk:
    """Outputs of consecutive files, starting at number `start`. reasons: file's place in the chunk -> why unreadable
    (its row of logits and features means nothing). looks: file's place -> what `look` said of its picture."""

    start: int
    logits: np.ndarray
    features: np.ndarray
    reasons: dict[int, str]
    looks: dict[int, Any] = field(default_factory=dict)


def stream(
    paths: Sequence[Path],
    runtime: Runtime,
    preprocessing: Preprocessing,
    *,
    batch: int = BATCH,
    look: Callable[[np.ndarray], Any] | None = None,
) -> Iterator[Chunk]:
    """Each of as many threads as cores decodes a chunk, then infers it; an unreadable image is a reason, not an error.

    Decoding and inference in one thread, not in two pools: so there are never more threads at work than cores, which
    was measured faster. A few chunks wait at a time, whatever the number of files; stopped early (Ctrl-C), what
    waits is dropped.

    look: shown every picture (uint8, height x width x 3, upright, 256 pixels or more on the longer side if it has
    them), by the thread that decodes it; what it says is in `Chunk.looks`.
    """
    if batch < 1:
        raise CutisError(f"batch {batch}: expected 1 or more.")
    batch = max(1, min(batch, -(-len(paths) // cpus())))

    def work(start: int) -> Chunk:
        images, reasons, looks = _read(paths[start : start + batch], preprocessing, look)
        return Chunk(start, *runtime.infer(images), reasons, looks)

    return ordered(work, range(0, len(paths), batch))


def _read(
    paths: Sequence[Path], preprocessing: Preprocessing, look: Callable[[np.ndarray], Any] | None
) -> tuple[np.ndarray, dict[int, str], dict[int, Any]]:
    size, constancy = preprocessing.size, preprocessing.constancy
    images = np.zeros((len(paths), size, size, 3), np.uint8)
    reasons: dict[int, str] = {}
    looks: dict[int, Any] = {}
    for i, path in enumerate(paths):
        try:
            if look is None:
                images[i] = read_square(path, size, constancy=constancy)
            else:
                images[i], picture = read_square_and_view(path, size, VIEW, constancy=constancy)
                looks[i] = look(picture)
        except BadImage as error:
            reasons[i] = error.reason
    return images, reasons, looks
