"""Validation during training: one answer a lesion (or patient), not an image."""

from __future__ import annotations

import numpy as np
import torch
from lightning.fabric import Fabric

from cutis.models.network import Network
from cutis.train.feed import Normalise

BATCH = 128


class Validation:
    """Scores a network on (n, s, s, 3) uint8 images: probabilities are averaged within each group first."""

    def __init__(self, images: np.ndarray, target: np.ndarray, groups: np.ndarray, normalise: Normalise) -> None:
        self.images, self.normalise = images, normalise
        _, first, self.member = np.unique(groups, return_index=True, return_inverse=True)
        self.target = target[first]

    @torch.no_grad()
    def scores(self, network: Network, fabric: Fabric) -> dict[str, float]:
        """balanced_accuracy, and log_loss averaged over classes rather than units, so that rare classes count."""
        parts = []
        for start in range(0, len(self.images), BATCH):
            images = self.normalise(np.array(self.images[start : start + BATCH]))  # a copy: the cache is read-only
            with fabric.autocast():
                parts.append(network(images).float().softmax(1).cpu().numpy())
        p = np.concatenate(parts).astype(np.float64)
        unit = np.zeros((len(self.target), p.shape[1]))
        np.add.at(unit, self.member, p)
        unit /= unit.sum(1, keepdims=True)
        present = np.unique(self.target)
        own = unit[np.arange(len(unit)), self.target]
        right = unit.argmax(1) == self.target
        recalls = [right[self.target == k].mean() for k in present]
        losses = [-np.log(np.maximum(own[self.target == k], 1e-12)).mean() for k in present]
        return {"balanced_accuracy": float(np.mean(recalls)), "log_loss": float(np.mean(losses))}
