"""Batches for the trainer: from the decoded-once cache, augmented, in an order that a step number alone decides."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import torch

from cutis.train.augment import Augmentation, augment, corrupt_some
from cutis.train.objectives.base import Batch, Objective, TrainingData

THREADS = 2
_UNHELD = 3  # references to a buffer of no batch: the list's, the loop's, and the question itself


class Normalise:
    """uint8 (b, s, s, 3) -> float (b, 3, s, s), channels last in memory, by the training images' mean and deviation.

    A level of 0..255 is multiplied by `scale` and moved by `shift`, each one number a channel.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], device: torch.device) -> None:
        self.scale = 1 / (255 * np.array(std))
        self.shift = -np.array(mean) / np.array(std)
        self.device = device

    def __call__(self, images: np.ndarray) -> torch.Tensor:
        return self.moved(images * self.scale.astype(np.float32) + self.shift.astype(np.float32))

    def moved(self, images: np.ndarray) -> torch.Tensor:
        """float32 (b, s, s, 3), normalised already, as the tensor of a batch; on the CPU it shares the memory."""
        return torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2)


class Feed:
    """Batches by step number: the same seed and step give the same batch, whatever came before.

    images: (n, s, s, 3) uint8, rows as in `data.table`. `batch` costs about 0.1 ms an image at 96 px.
    """

    def __init__(
        self,
        images: np.ndarray,
        data: TrainingData,
        objective: Objective,
        normalise: Normalise,
        *,
        size: int,
        batch_size: int,
        augmentation: Augmentation,
        seed: int,
        suite: str = "none",
    ) -> None:
        self.images, self.data, self.objective, self.normalise = images, data, objective, normalise
        self.size, self.augmentation, self.seed, self.suite = size, augmentation, seed, suite
        self.columns = {name: encode_column(data.table[name]) for name in objective.columns}
        self._epoch, self._order = 0, self._order_of(0)
        self.batch_size = min(batch_size, len(self._order))
        self.steps_per_epoch = len(self._order) // self.batch_size
        self._pool = ThreadPoolExecutor(THREADS)
        self._buffers: list[np.ndarray] = []

    def _order_of(self, epoch: int) -> np.ndarray:
        return self.objective.order(self.data, np.random.default_rng([self.seed, 1, epoch]))

    def batch(self, step: int) -> Batch:
        epoch, position = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._order_of(epoch)
        rows = self._order[position * self.batch_size : (position + 1) * self.batch_size]
        pixels = [self.images[row] for row in rows]
        rng = np.random.default_rng([self.seed, 2, step])
        shown = np.random.default_rng([self.seed, 3, step])
        views = []
        for view in range(self.objective.views):
            picture = self.objective.picture(view, pixels, rows, shown)
            posing = np.random.default_rng([self.seed, 2, step]) if view in self.objective.alike else rng
            views.append(self._augmented(picture, posing))
        device = self.normalise.device
        return Batch(
            views=tuple(views),
            target=torch.from_numpy(self.data.target[rows]).to(device),
            rows=torch.from_numpy(rows).to(device),
            columns={name: values[rows].to(device) for name, values in self.columns.items()},
        )

    def _augmented(self, pixels: list[np.ndarray], rng: np.random.Generator) -> torch.Tensor:
        return self.normalise.moved(
            augment(
                pixels if self.suite == "none" else corrupt_some(pixels, self.suite, rng, self._pool),
                self.size,
                self.augmentation,
                rng,
                self._pool,
                scale=self.normalise.scale,
                shift=self.normalise.shift,
                out=self._memory(len(pixels)),
            )
        )

    def _memory(self, count: int) -> np.ndarray:
        """Room for a view that nobody holds any more: touching fresh memory costs as much as filling it."""
        for buffer in self._buffers:
            if sys.getrefcount(buffer) <= _UNHELD:
                return buffer
        self._buffers.append(np.empty((count, self.size, self.size, 3), np.float32))
        return self._buffers[-1]

    def close(self) -> None:
        self._pool.shutdown()


def encode_column(column: pl.Series) -> torch.Tensor:
    """Numbers as float32 with NaN for unknown; anything else as codes of its sorted values, int64, -1 for unknown."""
    if column.dtype.is_numeric():
        return torch.from_numpy(column.cast(pl.Float32).fill_null(float("nan")).to_numpy().copy())
    values = column.cast(pl.String)
    known = values.drop_nulls().unique().sort().to_list()
    codes = values.replace_strict(known, list(range(len(known))), default=-1, return_dtype=pl.Int64)
    return torch.from_numpy(codes.fill_null(-1).to_numpy().copy())
