"""What a step of each method costs, over a step of plain cross-entropy, on the same batch.

    python benchmarks/papers_overhead.py [--size 64] [--batch 64] [--steps 20] [--teacher BUNDLE]

Methods, and what else a claim trains with (structures, SAM, corruptions, losses), are timed in turn, each time beside
the plain step; the overhead is the median over rounds of the ratio, and `first` that of the first pass, in which
inpaint and circle change each picture once. Distillation is timed with a teacher only. The last line:
`papers_overhead ratio=<median over the methods that are parts>`.
"""

from __future__ import annotations

import argparse
import inspect
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np
import polars as pl
import torch

from common import record, stamp, table
from cutis.models.network import build
from cutis.models.structures import structured
from cutis.train.augment import Augmentation
from cutis.train.feed import Feed, Normalise
from cutis.train.objectives import PARTS, objective
from cutis.train.objectives.base import Moment, TrainingData
from cutis.train.sharpness import uphill

N = 256


@dataclass(frozen=True)
class Arm:
    """What a step is of. told: settings of the method. sharpness, suite: as in `TrainConfig`."""

    method: str = "cross-entropy"
    told: Mapping[str, Any] = field(default_factory=dict)
    structure: Mapping[str, Any] = field(default_factory=lambda: {"name": "plain"})
    sharpness: float = 0.0
    suite: str = "none"


PLAIN = Arm(told={"tau": 0.0})
# By the name under which docs/papers.md looks for a trial's cost: its structure's, or else its claim's.
OTHERS = {
    "focal": Arm("focal"),
    "logit-adjustment": Arm(told={"tau": 1.0}),
    "label-smoothing": Arm(told={"tau": 0.0, "smoothing": 0.1}),
    "sam": Arm(told={"tau": 0.0}, sharpness=0.05),
    "medmnist-c": Arm(told={"tau": 0.0}, suite="medmnistc"),
    "mc-dropout": Arm(told={"tau": 0.0}, structure={"name": "mc-dropout"}),
    "ensemble": Arm(told={"tau": 0.0}, structure={"name": "ensemble"}),
    "ladine": Arm(told={"tau": 0.0}, structure={"name": "ladine"}),
}
STRUCTURES = {"fair-identity": {"name": "fair-identity", "groups": 2}}


def settings(name: str, teacher: str | None) -> dict[str, str]:
    """What a method must be told."""
    asked = inspect.signature(PARTS[name]).parameters
    told = {"column": "tone", "concepts": "ruler", "rule": "not ruler", "teacher": teacher or ""}
    return {k: v for k, v in told.items() if k in asked}


def data(rng: np.random.Generator, size: int) -> tuple[np.ndarray, TrainingData]:
    images = rng.integers(0, 256, (N, size, size, 3), np.uint8)
    target = rng.integers(0, 3, N)
    manifest = pl.DataFrame(
        {
            "image_id": [f"i{i:04d}" for i in range(N)],
            "tone": np.where(rng.random(N) < 0.3, "dark", "light"),
            "ruler": np.where(rng.random(N) < 0.3, "ruler", "none"),
        }
    )
    return images, TrainingData(manifest, target, ["bkl", "mel", "nv"], np.arange(N))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--teacher", help="a bundle of the classes bkl, mel and nv at least")
    arguments = parser.parse_args()
    parts = {
        name: Arm(name, settings(name, arguments.teacher), STRUCTURES.get(name, {"name": "plain"}))
        for name in PARTS
        if name != "distil" or arguments.teacher
    }
    arms = {"plain": PLAIN, **parts, **OTHERS}
    images, training = data(np.random.default_rng(0), arguments.size * 5 // 4)
    normalise = Normalise((0.5, 0.5, 0.5), (0.25, 0.25, 0.25), torch.device("cpu"))
    steppers = {}
    for name, arm in arms.items():
        network = structured(make=lambda: build("compact_resnet_s", 3), **arm.structure)
        network = network.to(memory_format=torch.channels_last)
        method = objective(arm.method, **arm.told)
        method.prepare(training, network)
        feed = Feed(
            images,
            training,
            method,
            normalise,
            size=arguments.size,
            batch_size=arguments.batch,
            augmentation=Augmentation(),
            seed=0,
            suite=arm.suite,
        )
        params = [p for player in method.players(network) for p in player]
        steppers[name] = (network, method, feed, params, torch.optim.AdamW(params, 1e-3))

    def step(name: str, k: int) -> float:
        network, method, feed, params, optimiser = steppers[name]
        rho = arms[name].sharpness
        started = time.perf_counter()
        batch = feed.batch(k)
        for again in range(2 if rho else 1):
            with uphill(network, params, rho) if again else nullcontext():
                terms = method.loss(network, batch, Moment(k, 0.5, 0, network))
                optimiser.zero_grad()
                torch.stack(list(terms.values())).sum().backward()
        optimiser.step()
        method.after_step(network, batch, Moment(k, 0.5, 0, network))
        return time.perf_counter() - started

    ratios: dict[str, list[float]] = {name: [] for name in (*parts, *OTHERS)}
    for k in range(arguments.steps):
        for name in ratios:
            plain = step("plain", k)
            ratios[name].append(step(name, k) / plain)
    once = N // arguments.batch
    if arguments.steps <= once:
        parser.error(f"--steps {arguments.steps}: expected more than a pass, {once}")
    rows = [
        {
            "method": name,
            "size": arguments.size,
            "batch": arguments.batch,
            "overhead": round(median(found[once:]), 3),
            "first": round(median(found[1:once]), 3),
        }
        for name, found in ratios.items()
    ]
    record("papers_overhead", [row | stamp("torch") for row in rows], key=["method", "size", "batch"])
    print(table(rows, ["method", "size", "batch", "overhead", "first"]))
    print(f"papers_overhead ratio={median(float(row['overhead']) for row in rows if row['method'] in parts):.2f}")


if __name__ == "__main__":
    main()
