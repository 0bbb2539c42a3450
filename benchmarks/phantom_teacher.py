"""The phantom as a teacher: pre-train on it, fine-tune on HAM10000, against HAM10000 alone.

    python benchmarks/phantom_teacher.py [--taught 10] [--passes 20] [--seeds 0 1 2]

A pass is one look at as many images as HAM10000's train part holds, so that equal passes are equal computing, whatever
else the machine does. With Cutis's own trainer and default: `taught` makes --taught passes over phantom photographs of
the same seven classes and from those weights --passes over HAM10000; `scratch` makes --passes over HAM10000;
`scratch_longer` makes as many as `taught` in all. Balanced accuracy and macro AUROC on the test part, and the
differences over seeds. The last line: `phantom_teacher gain=<mean difference of balanced accuracy to scratch_longer>`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t

from common import SHARED, record, stamp, table

COLUMNS = ["arm", "seed", "taught", "passes", "balanced_accuracy", "macro_auroc"]


def scores(bundle: Path, data: Any) -> dict[str, float]:
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score

    from cutis.bundle.load import load_bundle

    told = load_bundle(bundle).predict(data, part="test")
    p, codes = told.probabilities(), list(load_bundle(bundle).codes)
    target = told.table["target"].replace_strict({c: i for i, c in enumerate(codes)}).to_numpy()
    return {
        "balanced_accuracy": round(float(balanced_accuracy_score(target, p.argmax(1))), 4),
        "macro_auroc": round(float(roc_auc_score(target, p, multi_class="ovr", average="macro")), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--taught", type=int, default=10)
    parser.add_argument("--passes", type=int, default=20)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    from cutis.data.importing import import_dataset
    from cutis.data.split import split
    from cutis.phantom.dataset import make_dataset
    from cutis.train.run import find_split, train

    arms = {
        "scratch": (0, arguments.passes),
        "scratch_longer": (0, arguments.taught + arguments.passes),
        "taught": (arguments.taught, arguments.passes),
    }
    everything = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        real = import_dataset(SHARED / "ham10000", work / "ham")
        images = len(find_split(real).ids("train"))
        drawn = make_dataset(work / "phantom", round(images / 0.93), size=128, balance="ham10000", tone="ita:58..10")
        split(drawn, test=0.02, val=0.05, seed=0)
        for seed in arguments.seeds:
            for arm, (taught, passes) in arms.items():
                weights = None
                if taught:
                    teacher = train(drawn, work / f"teacher{seed}", epochs=taught, seed=seed)
                    weights = str(teacher / "weights.safetensors")
                bundle = train(real, work / f"{arm}{seed}", epochs=passes, seed=seed, weights=weights)
                row = {"arm": arm, "seed": seed, "taught": taught, "passes": passes, **scores(bundle, real)}
                everything = record("phantom_teacher", [{**row, **stamp("torch")}], key=COLUMNS[:4])
                print(table([row], COLUMNS), flush=True)
    of = {(r["arm"], int(r["seed"]), int(r["taught"]), int(r["passes"])): r for r in everything}
    gains = {}
    for other in ("scratch", "scratch_longer"):
        for metric in COLUMNS[4:]:
            gains[other, metric] = gain = np.array(
                [
                    float(of["taught", s, *arms["taught"]][metric]) - float(of[other, s, *arms[other]][metric])
                    for s in arguments.seeds
                ]
            )
            if len(gain) > 1:
                half = t.ppf(0.975, len(gain) - 1) * gain.std(ddof=1) / np.sqrt(len(gain))
                print(f"taught - {other}, {metric}: {gain.round(3).tolist()}; mean {gain.mean():.3f} +- {half:.3f}")
    print(f"phantom_teacher gain={gains['scratch_longer', 'balanced_accuracy'].mean():.3f}")


if __name__ == "__main__":
    main()
