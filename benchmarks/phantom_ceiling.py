"""How well the phantom's classes can be told at all: classifiers on the true concepts of sampled lesions, no pictures.

No network that looks at pictures can be expected to do better. Beside it, what one trick alone gives: mean colour and
size, and these with one structure.

    uv run python benchmarks/phantom_ceiling.py [--n 20000] [--seed 0]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import common
from cutis.phantom.classes import CODES
from cutis.phantom.lesion.recipes import RECIPES, Recipes, sample_lesion
from cutis.phantom.parts import Lesion
from cutis.phantom.vocabulary import STRUCTURES

LOOK = ("pigment", "redness", "depth", "log radius")


def concepts(lesion: Lesion) -> list[float]:
    """A lesion's look and outline, then strength and irregularity of each of `STRUCTURES`, 0 where it isn't there."""
    there = {s.kind: s for s in lesion.structures}
    values = [lesion.pigment, lesion.redness, lesion.depth, float(np.log(lesion.radius))]
    bumps = np.abs(lesion.bumps)
    values += [lesion.mottle, lesion.lopsided, bumps[1], bumps[2:].sum()]
    values += [sum(edge <= 0.2 for edge in lesion.edges), max(lesion.edges)]
    for kind in STRUCTURES:
        one = there.get(kind)
        values += [one.strength, one.irregularity] if one else [0, 0]
    return [float(value) for value in values]


def sample(n: int, seed: int, recipes: Recipes = RECIPES) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(n, features) concepts and (n,) classes of lesions, as many of each class."""
    rng = np.random.default_rng(seed)
    classes = np.arange(n) % len(CODES)
    return np.array([concepts(sample_lesion(rng, CODES[k], recipes)) for k in classes]), classes


def ceiling(n: int = 20_000, seed: int = 0, recipes: Recipes = RECIPES) -> list[dict[str, Any]]:
    """Balanced accuracy over the seven classes, learnt on `n` lesions and tested on as many others."""
    x, y = sample(n, seed, recipes)
    test_x, test_y = sample(n, seed + 1, recipes)
    columns = list(range(x.shape[1]))
    first = 10  # concepts before the structures'
    looks = columns[: len(LOOK)]

    def score(model: Any, use: Sequence[int]) -> float:
        return balanced_accuracy_score(test_y, model.fit(x[:, use], y).predict(test_x[:, use]))

    def linear() -> Any:
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))

    def trees() -> Any:
        return HistGradientBoostingClassifier(max_iter=150, learning_rate=0.1, random_state=0)

    rows = [
        {"what": "all concepts", "model": "gradient boosting", "balanced_accuracy": score(trees(), columns)},
        {"what": "all concepts", "model": "logistic regression", "balanced_accuracy": score(linear(), columns)},
        {"what": "colour and size", "model": "gradient boosting", "balanced_accuracy": score(trees(), looks)},
        {"what": "colour and size", "model": "logistic regression", "balanced_accuracy": score(linear(), looks)},
    ]
    best = 0.0, ""
    for place, kind in enumerate(STRUCTURES):
        mine = columns[first + 2 * place : first + 2 * place + 2]
        best = max(best, (score(linear(), [*looks, *mine]), kind))
    rows.append(
        {"what": f"colour, size, {best[1]} (the best)", "model": "logistic regression", "balanced_accuracy": best[0]}
    )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.perf_counter()
    rows = ceiling(options.n, options.seed)
    print(f"{time.perf_counter() - began:.1f} s")
    rows = [
        {**row, "balanced_accuracy": f"{row['balanced_accuracy']:.4f}", "n": options.n, "seed": options.seed}
        | common.stamp("scikit-learn", "numpy")
        for row in rows
    ]
    everything = common.record("phantom_ceiling", rows, key=("what", "model", "n", "seed"))
    print(common.table(everything, ["what", "model", "balanced_accuracy", "n", "seed"]))


if __name__ == "__main__":
    main()
