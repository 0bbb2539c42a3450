"""How unlike the training images an image is: seven published scores, one small file each; higher is more unlike.

All are computed from a bundle without torch: from the logits and features of an image, and from what ood.safetensors
keeps of the training images (`Statistics`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cutis.bundle.ood.energy import energy
from cutis.bundle.ood.knn import knn_distance
from cutis.bundle.ood.mahalanobis import mahalanobis
from cutis.bundle.ood.maxlogit import maxlogit
from cutis.bundle.ood.msp import msp
from cutis.bundle.ood.relative_mahalanobis import relative_mahalanobis
from cutis.bundle.ood.statistics import Statistics
from cutis.bundle.ood.vim import vim

NEIGHBOURS, TEMPERATURE = 10, 1.0  # of k-NN and of the energy
_MOMENTS = ("counts", "means", "covariance", "shrinkage")


@dataclass(frozen=True)
class Settings:
    """k: which neighbour k-NN measures. temperature: of the energy."""

    k: int = NEIGHBOURS
    temperature: float = TEMPERATURE


@dataclass(frozen=True)
class Score:
    """words: what it measures, for people. needs: fields of `Statistics`. compute: of logits (n, classes) and features
    (n, d), float32 as the network gives them; (n,) float64."""

    words: str
    needs: tuple[str, ...]
    compute: Callable[[np.ndarray, np.ndarray, Statistics, Settings], np.ndarray]


SCORES: dict[str, Score] = {
    "knn": Score(
        "distance to the nearest training images",
        ("features",),
        lambda logits, features, known, use: knn_distance(features, known.given("features"), use.k),
    ),
    "msp": Score("1 - largest softmax probability", (), lambda logits, features, known, use: msp(logits)),
    "maxlogit": Score("minus the largest logit", (), lambda logits, features, known, use: maxlogit(logits)),
    "energy": Score("energy of the logits", (), lambda logits, features, known, use: energy(logits, use.temperature)),
    "mahalanobis": Score(
        "squared Mahalanobis distance to the nearest class",
        _MOMENTS,
        lambda logits, features, known, use: mahalanobis(features, known),
    ),
    "relative_mahalanobis": Score(
        "Mahalanobis distance to the nearest class, less that to all training images",
        _MOMENTS,
        lambda logits, features, known, use: relative_mahalanobis(features, known),
    ),
    "vim": Score(
        "virtual logit of what lies outside the training images' space, less the energy of the others",
        (*_MOMENTS, "origin", "kept", "alpha"),
        lambda logits, features, known, use: vim(logits, features, known),
    ),
}


def available(known: Statistics) -> list[str]:
    """Names of the scores that these statistics allow."""
    return [name for name, score in SCORES.items() if not known.lacks(score.needs)]
