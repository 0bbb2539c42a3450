"""Validation during training: one answer a lesion, else an image; and whether it is better than chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import torch
from lightning.fabric import Fabric

from cutis.models.network import Network
from cutis.schema.identity import group_ids
from cutis.train.feed import Normalise

BATCH = 128
SHUFFLES = 999
CONVINCING = 0.05  # p of as good a score by chance, at most


def score_units(rows: pl.DataFrame) -> np.ndarray:
    """(n,) numbers of what is scored as one: the images of a lesion where all have one label, else each image alone.

    A patient is no such unit: patients have lesions of several diagnoses. rows: image_id, target and, where known,
    lesion_id.
    """
    lesion = group_ids(rows, ("lesion",))
    labels = rows.select(pl.col("target").n_unique().over(pl.Series("lesion", lesion))).to_series().to_numpy()
    alone = labels > 1
    units = lesion.copy()
    units[alone] = len(rows) + np.arange(alone.sum())
    found: np.ndarray = np.unique(units, return_inverse=True)[1]
    return found


class Validation:
    """Scores a network on (n, s, s, 3) uint8 images: probabilities are averaged within each unit first.

    target: (n,) class numbers. units: (n,) by `score_units`; all images of one have one target.
    """

    def __init__(self, images: np.ndarray, target: np.ndarray, units: np.ndarray, normalise: Normalise) -> None:
        self.images, self.normalise = images, normalise
        _, first, self.member = np.unique(units, return_index=True, return_inverse=True)
        self.target = target[first]
        if (self.target[self.member] != target).any():
            raise ValueError("a unit has images of several targets")

    def scores(self, network: Network, fabric: Fabric) -> dict[str, float]:
        """balanced_accuracy, and log_loss averaged over classes rather than units, so that rare classes count."""
        return self._scores(self._answers(network, fabric))

    def standing(self, network: Network, fabric: Fabric, seed: int) -> dict[str, Any]:
        """The scores, and what they are worth: `units`; `unit`, "lesion" if any has several images, else "image";
        `chance`, the balanced accuracy of answers that know nothing; `p_chance`, how often such answers would score as
        well, by shuffling the truth; `above_chance`, whether that is at most 5 %.
        """
        p = self._answers(network, fabric)
        scores, answer, classes = self._scores(p), p.argmax(1), len(np.unique(self.target))
        rng = np.random.default_rng(seed)
        as_good = sum(
            _balanced_accuracy(rng.permutation(answer), self.target) >= scores["balanced_accuracy"] - 1e-12
            for _ in range(SHUFFLES)
        )
        p_chance = (1 + as_good) / (1 + SHUFFLES)
        return {
            **scores,
            "units": len(self.target),
            "unit": "lesion" if len(self.target) < len(self.images) else "image",
            "chance": 1 / classes,
            "p_chance": p_chance,
            "above_chance": scores["balanced_accuracy"] > 1 / classes and p_chance <= CONVINCING,
        }

    def _scores(self, p: np.ndarray) -> dict[str, float]:
        own = p[np.arange(len(p)), self.target]
        losses = [-np.log(np.maximum(own[self.target == k], 1e-12)).mean() for k in np.unique(self.target)]
        accuracy = _balanced_accuracy(p.argmax(1), self.target)
        return {"balanced_accuracy": accuracy, "log_loss": float(np.mean(losses))}

    @torch.no_grad()
    def _answers(self, network: Network, fabric: Fabric) -> np.ndarray:
        """(units, classes) probabilities."""
        parts = []
        for start in range(0, len(self.images), BATCH):
            images = self.normalise(np.array(self.images[start : start + BATCH]))  # a copy: the cache is read-only
            with fabric.autocast():
                parts.append(network(images).float().softmax(1).cpu().numpy())
        p = np.concatenate(parts).astype(np.float64)
        unit = np.zeros((len(self.target), p.shape[1]))
        np.add.at(unit, self.member, p)
        return unit / unit.sum(1, keepdims=True)


def _balanced_accuracy(answer: np.ndarray, target: np.ndarray) -> float:
    """Mean recall of the classes that occur."""
    right, counts = np.bincount(target, answer == target), np.bincount(target)
    return float((right[counts > 0] / counts[counts > 0]).mean())
