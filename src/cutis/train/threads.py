"""How many threads a run computes with: another number adds up in another order, and gives other bits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from cutis.train.config import TrainConfig


@contextmanager
def threads_of(config: TrainConfig, kept: int | None) -> Iterator[int]:
    """Within the block, torch has the threads that the run began with (kept), if it is one that repeats every step;
    yields how many it has."""
    before = torch.get_num_threads()
    if kept is not None and config.epochs is not None:
        torch.set_num_threads(kept)
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)
