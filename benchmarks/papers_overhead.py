"""What a step of each method costs, over a step of plain cross-entropy, on the same batch.

    python benchmarks/papers_overhead.py [--size 64] [--batch 64] [--steps 20] [--teacher BUNDLE]

Methods are timed in turn, each time beside the plain step; the overhead is the median over rounds of the ratio, and
`first` that of the first pass, in which inpaint and circle change each picture once. Distillation is timed with a
teacher only. The last line: `papers_overhead ratio=<median over methods>`.
"""

from __future__ import annotations

import argparse
import inspect
import time
from statistics import median

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

N = 256


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
    methods = [name for name in PARTS if name != "distil" or arguments.teacher]
    images, training = data(np.random.default_rng(0), arguments.size * 5 // 4)
    normalise = Normalise((0.5, 0.5, 0.5), (0.25, 0.25, 0.25), torch.device("cpu"))
    steppers = {}
    for name in ("cross-entropy", *methods):
        structure = STRUCTURES.get(name, {"name": "plain"})
        network = structured(make=lambda: build("compact_resnet_s", 3), **structure)
        network = network.to(memory_format=torch.channels_last)
        method = objective(name, **(settings(name, arguments.teacher) if name in PARTS else {}))
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
        )
        optimiser = torch.optim.AdamW([p for player in method.players(network) for p in player], 1e-3)
        steppers[name] = (network, method, feed, optimiser)

    def step(name: str, k: int) -> float:
        network, method, feed, optimiser = steppers[name]
        started = time.perf_counter()
        batch = feed.batch(k)
        terms = method.loss(network, batch, Moment(k, 0.5, 0, network))
        optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimiser.step()
        method.after_step(network, batch, Moment(k, 0.5, 0, network))
        return time.perf_counter() - started

    ratios: dict[str, list[float]] = {name: [] for name in methods}
    for k in range(arguments.steps):
        for name in methods:
            plain = step("cross-entropy", k)
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
    print(f"papers_overhead ratio={median(float(row['overhead']) for row in rows):.2f}")


if __name__ == "__main__":
    main()
