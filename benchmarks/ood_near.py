"""Near out of distribution: a diagnosis that was held out of training is the unknown.

    python benchmarks/ood_near.py DATASET [--held-out vasc bcc] [--minutes 4] [--seeds 0] [--resamples 1000]

For each class that is held out: the dataset without it is split anew and trained on for `minutes` with Cutis's
defaults; then every image of the class (strange) is told from the new test part (known) by each score. Thresholds and
intervals as in ood.py. Rows go to results/ood_near.csv; those of other classes, seeds and minutes stay there.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

import cutis
from common import record, stamp, table
from cutis.bundle.load import load_bundle
from cutis.data.dataset import Dataset
from ood import labelled, measured, thresholds


def without(dataset: Dataset, code: str, folder: Path) -> Dataset:
    """The dataset without a class, in `folder`, with the same image files; split anew."""
    folder.mkdir()
    for name in ("images", "masks"):
        if (dataset.path / name).exists():
            (folder / name).symlink_to((dataset.path / name).absolute())
    classes = tuple(c for c in dataset.card.classes if c.code != code)
    card = dataset.card.model_copy(update={"name": f"{dataset.card.name} without {code}", "classes": classes})
    made = Dataset(folder, card, dataset.manifest.filter(pl.col("target") != code)).save_into(folder)
    cutis.split(made, test=0.2, val=0.12, seed=0)
    return made


def run(dataset: Dataset, code: str, minutes: float, seed: int, resamples: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as temporary:
        made = without(dataset, code, Path(temporary) / "dataset")
        bundle = load_bundle(cutis.train(made, Path(temporary) / "run", minutes=minutes, seed=seed))
        known = labelled(bundle.scores(made, part="test"), made)
        held = dataset.usable().filter(target=code)["file"]
        strange = bundle.scores([dataset.path / file for file in held]).drop_nulls()
        about = {"held_out": code, "kind": "near", "minutes": f"{minutes:g}", "seed": seed}
        found = measured(known, strange, thresholds(bundle, made), resamples)
        return [about | row | stamp("torch", "openvino") for row in found]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("dataset", type=Path)
    arguments.add_argument("--held-out", nargs="+", default=["vasc", "bcc"])
    arguments.add_argument("--minutes", type=float, default=4)
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments.add_argument("--resamples", type=int, default=1000)
    given = arguments.parse_args()
    dataset = Dataset.load(given.dataset)
    rows: list[dict[str, str]] = []
    for code in given.held_out:
        for seed in given.seeds:
            fresh = run(dataset, code, given.minutes, seed, given.resamples)
            rows = record("ood_near", fresh, key=("held_out", "score", "minutes", "seed"))
    shown = ["held_out", "seed", "minutes", "score", "n_known", "n_strange", "auroc", "auroc_low", "auroc_high"]
    print(table(rows, [*shown, "fpr95_known", "fpr95_strange", "refused_known", "refused_strange"]))


if __name__ == "__main__":
    main()
