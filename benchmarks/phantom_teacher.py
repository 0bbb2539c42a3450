"""The phantom as a teacher: pre-train on it, fine-tune on HAM10000, against HAM10000 alone for the same time.

    python benchmarks/phantom_teacher.py [--minutes 4] [--share 0.33] [--images 8000] [--seeds 0 1 2]

Both arms spend `--minutes` of training in all, with Cutis's own trainer and default: `scratch` on HAM10000's train
part, `taught` first `--share` of it on phantom photographs of the same seven classes, then on HAM10000 from those
weights. Balanced accuracy and macro AUROC on the test part, by lesion, and the differences over seeds. The last line:
`phantom_teacher gain=<mean difference of balanced accuracy>`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from common import SHARED, record, stamp, table

COLUMNS = ["arm", "seed", "minutes", "balanced_accuracy", "macro_auroc"]


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
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--share", type=float, default=0.33)
    parser.add_argument("--images", type=int, default=8000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    from cutis.data.importing import import_dataset
    from cutis.data.split import split
    from cutis.phantom.dataset import make_dataset
    from cutis.train.run import find_split, train

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        real = import_dataset(SHARED / "ham10000", work / "ham")
        find_split(real)
        drawn = make_dataset(work / "phantom", arguments.images, size=128, balance="ham10000", tone="ita:58..10")
        split(drawn, test=0.02, val=0.05, seed=0)
        for seed in arguments.seeds:
            for arm in ("scratch", "taught"):
                weights, left = None, arguments.minutes
                if arm == "taught":
                    first = arguments.minutes * arguments.share
                    taught = train(drawn, work / f"teacher{seed}", minutes=first, seed=seed)
                    weights, left = str(taught / "weights.safetensors"), arguments.minutes - first
                bundle = train(real, work / f"{arm}{seed}", minutes=left, seed=seed, weights=weights)
                rows.append(
                    {"arm": arm, "seed": seed, "minutes": arguments.minutes, **scores(bundle, real), **stamp("torch")}
                )
                everything = record("phantom_teacher", rows[-1:], key=("arm", "seed", "minutes"))
                print(table(rows[-1:], COLUMNS), flush=True)
    mine = [r for r in everything if float(r["minutes"]) == arguments.minutes]
    of = {(r["arm"], int(r["seed"])): float(r["balanced_accuracy"]) for r in mine}
    gains = np.array([of["taught", s] - of["scratch", s] for s in arguments.seeds])
    print(table(mine, COLUMNS))
    if len(gains) > 1:
        half = 4.303 * gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) == 3 else float("nan")
        print(f"difference by seed: {gains.round(3).tolist()}; 95 % interval (t) +- {half:.3f}")
    print(f"phantom_teacher gain={gains.mean():.3f}")


if __name__ == "__main__":
    main()
