"""Models of equal clean accuracy, ranked by what they lose when their pictures are changed.

Paschali, Conjeti, Navarro & Navab, "Generalizability vs. robustness: Adversarial examples for medical imaging", MICCAI
2018, arXiv:1804.00504: a test set alone can't tell apart models that an attack, or noise, tells apart at once. Equal
here means: within a margin of the most accurate one, on the same pictures. A model that is less accurate gets no rank,
as one that answers nothing right has nothing to lose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cutis.errors import CutisError
from cutis.evaluate.arrays import Bools, Floats
from cutis.evaluate.resampled import Resampling, Statistic, estimated
from cutis.schema.estimate import Estimate


@dataclass(frozen=True)
class Ranked:
    """clean, changed: balanced accuracies. lost: clean less changed. behind: the best model's clean accuracy less this
    one's. more: what it loses less what the first by rank loses; where its interval holds 0, or there is none, that it
    is the less robust is not shown. rank: 1 loses least here; None where `behind` is above the margin."""

    name: str
    clean: Estimate
    changed: Estimate
    lost: Estimate
    behind: Estimate
    more: Estimate
    rank: int | None


def rank_by_robustness(
    answers: Mapping[str, tuple[Sequence[Any], Sequence[Any]]],
    target: Sequence[Any],
    *,
    margin: float = 0.02,
    resampling: Resampling | None = None,
) -> list[Ranked]:
    """By rank, then the unranked by clean accuracy.

    answers: model -> (classes answered clean, classes answered changed), one a picture; `cutis.models.attacks` or
    `cutis corrupt` make the changed ones. target: (n,) true classes. margin: of balanced accuracy, 0..1. Intervals
    are paired: all models' of the same resampled pictures (or groups of the resampling). Raises CutisError for fewer
    than two models or answers that aren't one a picture.
    """
    truth = np.asarray(target)
    if len(answers) < 2:
        raise CutisError(f"ranking: {len(answers)} models; two or more can be ranked.")
    if not 0 <= margin <= 1:
        raise CutisError(f"ranking: margin is {margin}; expected 0..1.")
    right: dict[str, tuple[Bools, Bools]] = {}
    for name, (clean, changed) in answers.items():
        for what, said in (("clean", clean), ("changed", changed)):
            if len(said) != len(truth):
                raise CutisError(f"ranking: {name}: {len(said)} {what} answers for {len(truth)} pictures.")
        right[name] = np.asarray(clean) == truth, np.asarray(changed) == truth
    kinds = np.stack([truth == kind for kind in np.unique(truth)]).astype(np.float64)
    every, one = np.ones(len(truth), bool), np.ones((len(truth), 1))
    groups = np.arange(len(truth)) if resampling is None or resampling.groups is None else np.asarray(resampling.groups)
    scarce = min(((f"of class {c}", len(set(groups[truth == c]))) for c in set(truth)), key=lambda count: count[1])

    def found(statistic: Statistic) -> Estimate:
        return estimated(statistic, every, resampling, "a class was never drawn", scarce=scarce)

    def accuracy(hits: Bools) -> Statistic:
        return lambda w: _recalls(kinds, hits, w)

    plain = {name: float(accuracy(clean)(one)[0]) for name, (clean, _) in right.items()}
    losses = {name: plain[name] - float(accuracy(changed)(one)[0]) for name, (_, changed) in right.items()}
    best = max(plain, key=lambda name: plain[name])
    near = sorted((n for n in plain if plain[best] - plain[n] <= margin + 1e-12), key=lambda n: losses[n])
    far = sorted((n for n in plain if n not in near), key=lambda n: -plain[n])

    def loss(name: str) -> Statistic:
        return _difference(accuracy(right[name][0]), accuracy(right[name][1]))

    return [
        Ranked(
            name,
            found(accuracy(right[name][0])),
            found(accuracy(right[name][1])),
            found(loss(name)),
            found(_difference(accuracy(right[best][0]), accuracy(right[name][0]))),
            found(_difference(loss(name), loss(near[0]))),
            near.index(name) + 1 if name in near else None,
        )
        for name in (*near, *far)
    ]


def _difference(one: Statistic, other: Statistic) -> Statistic:
    return lambda w: one(w) - other(w)


def _recalls(kinds: Floats, hits: Bools, weights: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        recalls: Floats = ((kinds * hits) @ weights) / (kinds @ weights)
    return recalls.mean(0)
