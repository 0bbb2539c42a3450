"""CIRCLe: the same lesion on another skin should have the same features.

Pakzad, Abhishek & Hamarneh, "CIRCLe: Color Invariant Representation Learning for Unbiased Classification of Skin
Lesions", ECCV workshops 2022, arXiv:2208.13528. Idea: each image is also shown with another skin tone, and the distance
between the features of the two is added to the loss.

    L = L_class + s * mean over images of d(f(x), f(T(x))),  d the squared distance

What we do differently: T is our change of melanin (`cutis.image.pigments.retone`), not a StarGAN: it needs no labels of
skin type and no training, and it refuses images that it can't change believably; those have no part in the distance.
Each image has one counterpart, drawn once, of a tone in the middle of another of Del Bino's classes, and posed as the
image is. d is a mean over features, so that s doesn't depend on the network's width.

"circle-groups" is for labelled groups (skin types, instruments): the distance is between any two images of a batch that
share the diagnosis and differ in group, as in the paper's abstract.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from cutis.data.threads import ordered
from cutis.image.pigments import retone
from cutis.models.network import Network
from cutis.train.objectives.base import TrainingData
from cutis.train.objectives.grouping import Grouped, check_settings
from cutis.train.objectives.parts import Part, Step

TONES = (60.0, 48.0, 34.5, 19.0, -10.0, -45.0)  # degrees ITA, in the middle of Del Bino's classes, light to dark
TRIES = 2  # tones asked for, before an image is left as it is
LEAST_CHANGE = 10.0  # degrees; a tone nearer than this is no other
_STREAM = 9  # of the draws of tones, so that they are the same whatever came before


class Circle(Part):
    """strength: s, 0 or more. Keeps a second copy of every image that it has seen, in memory."""

    name = "circle"
    views = 1
    alike = True
    changed: torch.Tensor

    def __init__(self, strength: float = 1.0) -> None:
        super().__init__()
        check_settings(self.name, strength=(strength, 0, float("inf")))
        self.strength = strength
        self._made: dict[int, np.ndarray | None] = {}

    def prepare(self, data: TrainingData, network: Network) -> None:
        self.register_buffer("changed", torch.zeros(len(data.target), dtype=torch.bool), persistent=False)

    def picture(
        self, view: int, pixels: list[np.ndarray], rows: np.ndarray, rng: np.random.Generator
    ) -> list[np.ndarray]:
        new = [k for k, row in enumerate(rows.tolist()) if row not in self._made]
        for k, made in zip(new, ordered(partial(_counterpart, pixels, rows), new), strict=True):
            self._made[int(rows[k])] = made
            self.changed[int(rows[k])] = made is not None
        shown = [self._made[row] for row in rows.tolist()]
        return [own if other is None else other for own, other in zip(pixels, shown, strict=True)]

    def terms(self, step: Step) -> dict[str, torch.Tensor]:
        other = step.network.forward_features(self.own(step.batch)[0])
        apart = (step.features - other).square().mean(1) * self.changed[step.batch.rows]
        return {"circle": self.strength * apart.sum() / max(1, int(self.changed[step.batch.rows].sum()))}


def _counterpart(pixels: list[np.ndarray], rows: np.ndarray, k: int) -> np.ndarray | None:
    """Image k on another skin; None where no tone that was tried can be believed."""
    order = np.random.default_rng([_STREAM, int(rows[k])]).permutation(TONES)
    for tone in order[:TRIES]:
        made = retone(pixels[k], float(tone))
        measured = made.trust.measured
        if made.image is not None and measured is not None and abs(measured - tone) >= LEAST_CHANGE:
            return made.image
    return None


class CircleGroups(Grouped):
    """column: the groups. strength: s, 0 or more."""

    name = "circle-groups"

    def __init__(self, column: str, strength: float = 1.0) -> None:
        super().__init__(column)
        check_settings(self.name, strength=(strength, 0, float("inf")))
        self.strength = strength

    def terms(self, step: Step) -> dict[str, torch.Tensor]:
        distance = between_groups(step.features, step.batch.target, self.group(step.batch))
        return {"circle_groups": self.strength * distance}


def between_groups(features: torch.Tensor, target: torch.Tensor, group: torch.Tensor) -> torch.Tensor:
    """Mean squared distance, a feature, of all pairs of one class and two known groups; 0 where there is none."""
    pairs = (target[:, None] == target) & (group[:, None] != group) & (group >= 0) & (group[:, None] >= 0)
    if not pairs.any():
        return 0 * features.sum()
    length = features.square().sum(1)
    apart = (length[:, None] + length - 2 * features @ features.T) * pairs
    return apart.sum() / (pairs.sum() * features.shape[1])
