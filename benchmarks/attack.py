"""A bundle's accuracy under attack, on test images of a dataset: results/attack.csv.

    python benchmarks/attack.py BUNDLE DATASET [--images 100] [--attacks fgsm pgd deepfool] [--seed 0]

Sizes: 1/255, 2/255 and 4/255 for norm "inf"; 0.25, 0.5 and 1 for norm "2". Ends with `attack pgd_2=<accuracy under PGD
at 2/255>`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from common import record, stamp, table
from cutis.audit.attack import DEFAULT, attack_bundle
from cutis.bundle.load import load_bundle
from cutis.data.dataset import Dataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--attacks", nargs="+", default=list(DEFAULT))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    bundle, data = load_bundle(given.bundle), Dataset.load(given.dataset)
    rows = []
    for name in given.attacks:
        rng = np.random.default_rng(given.seed)
        started = time.perf_counter()
        found = attack_bundle(bundle, data, rng=rng, attacks=[name], images=given.images)
        seconds = round(time.perf_counter() - started, 1)
        rows += [
            {
                "attack": row.attack,
                "norm": row.norm,
                "epsilon": f"{row.epsilon * 255:.0f}/255" if row.norm == "inf" else f"{row.epsilon:g}",
                "metric": row.metric,
                "value": round(row.estimate.value or 0.0, 3),
                "low": None if row.estimate.low is None else round(row.estimate.low, 3),
                "high": None if row.estimate.high is None else round(row.estimate.high, 3),
                "images": row.estimate.n,
                "units": row.estimate.n_units,
                "bundle": bundle.card.backbone,
                "dataset": data.card.name,
                "seconds": seconds,
                "seed": given.seed,
                **stamp("torch"),
            }
            for row in found
        ]
    everything = record("attack", rows, key=("attack", "epsilon", "metric", "bundle", "dataset", "seed"))
    print(table(everything, ["attack", "epsilon", "metric", "value", "low", "high", "images", "units", "seconds"]))
    held = [r for r in rows if (r["attack"], r["epsilon"], r["metric"]) == ("pgd", "2/255", "accuracy")]
    if held:
        print(f"attack pgd_2={held[0]['value']}")


if __name__ == "__main__":
    main()
