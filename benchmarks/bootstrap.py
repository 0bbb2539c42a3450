"""All default metrics with cluster-bootstrap intervals, against a scikit-learn loop on the same resamples.

    python benchmarks/bootstrap.py [--rows 100000] [--resamples 1000] [--check 40]

Synthetic predictions: 7 classes, lesions of one to three images, 12 sources as groups, answer sets, refusals. Ours:
`cutis.evaluate.measure.measure`. The peer: for the table and each group, each resample's rows are drawn (the same
draws) and scikit-learn scores them; `--check` resamples are run and their time scaled up to all, and the intervals of a
run of ours with as many resamples must equal the peer's. Also: time and peak memory of the whole `cutis evaluate`, in a
process of its own. The last line is the peer's (scaled) time over ours.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from common import record, stamp, table
from cutis.data.values import ISIC_2018
from cutis.evaluate.bootstrap import generator, multiplicities
from cutis.evaluate.measure import measure
from cutis.evaluate.numbers import PLURALS
from cutis.schema.identity import group_ids
from cutis.schema.predictions import Predictions, PredictionsInfo

SHARES = (0.03, 0.05, 0.11, 0.01, 0.11, 0.67, 0.02)
LEVEL = 0.95


def synthetic(rows: int, seed: int = 0) -> Predictions:
    """Predictions of about 0.75 balanced accuracy, whose difficulty is a lesion's, not an image's."""
    rng = np.random.default_rng(seed)
    classes = tuple(ISIC_2018.values())
    codes = [c.code for c in classes]
    lesion = np.repeat(np.arange(rows), rng.integers(1, 4, rows))[:rows]
    target = rng.choice(7, rows, p=SHARES)[lesion]
    logits = rng.normal(0, 1, (rows, 7)) + rng.normal(0, 1, (rows, 7))[lesion] + 2.5 * np.eye(7)[target]
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    said = p.argmax(1)
    sets = p >= 0.3
    name = np.array(codes)
    return Predictions(
        pl.DataFrame(
            {
                "image_id": [f"I{i:08}" for i in range(rows)],
                "lesion_id": [f"L{i:08}" for i in lesion],
                "patient_id": pl.Series([None] * rows, dtype=pl.String),
                "source": [f"clinic {i:02}" for i in rng.integers(0, 12, rows)[lesion]],
                "target": name[target],
                "predicted": name[said],
                **{f"p_{c}": p[:, k] for k, c in enumerate(codes)},
                "set": [[c for c, inside in zip(codes, row, strict=True) if inside] for row in sets],
                "ood": rng.random(rows),
                "status": np.where(rng.random(rows) < 0.05, "refused", "ok"),
                "reason": pl.Series([None] * rows, dtype=pl.String),
            }
        ),
        PredictionsInfo(classes=classes),
    )


def fixed_rates(case: np.ndarray, score: np.ndarray) -> list[float]:
    from sklearn.metrics import roc_curve

    fpr, tpr, _ = roc_curve(case, score, drop_intermediate=False)
    best = [tpr[fpr <= 1 - s + 1e-12].max() for s in (0.90, 0.95)]
    return best + [1 - fpr[tpr >= s - 1e-12].min() for s in (0.90, 0.95)]


def by_sklearn(rows: dict[str, np.ndarray], whole: bool) -> dict[tuple[str, str | None], float]:
    """Every default metric of these rows, with scikit-learn where it has it."""
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, roc_auc_score

    codes = list(ISIC_2018)
    target, said, p = rows["target"], rows["predicted"], rows["p"]
    kept = ~rows["refused"]
    found: dict[tuple[str, str | None], float] = {
        ("accuracy", None): accuracy_score(target, said),
        ("accuracy_kept", None): accuracy_score(target[kept], said[kept]),
        ("refused", None): rows["refused"].mean(),
        ("balanced_accuracy", None): balanced_accuracy_score(target, said),
        ("brier", None): ((p - np.eye(7)[target]) ** 2).sum(1).mean(),
        ("coverage", None): rows["covered"].mean(),
        ("set_size", None): rows["set_size"].mean(),
        ("empty_sets", None): (rows["set_size"] == 0).mean(),
    }
    sure = p.max(1)
    bins = np.minimum((sure * 15).astype(int), 14)
    gaps = [abs((said == target)[bins == b].mean() - sure[bins == b].mean()) * (bins == b).mean() for b in set(bins)]
    found["ece", None] = float(np.sum(gaps))
    aurocs = [roc_auc_score(target == k, p[:, k]) for k in range(7)]
    found["macro_auroc", None] = float(np.mean(aurocs))
    sick = np.isin(target, [0, 1, 4])
    score = p[:, [0, 1, 4]].sum(1)
    found["auroc", "malignant"] = roc_auc_score(sick, score)
    if not whole:
        return found
    counts = confusion_matrix(target, said, labels=range(7))
    for k, code in enumerate(codes):
        found["auroc", code] = aurocs[k]
        found["sensitivity", code] = counts[k, k] / counts[k].sum()
        others = counts.sum() - counts[k].sum()
        found["specificity", code] = (others - counts[:, k].sum() + counts[k, k]) / others
        found["coverage", code] = rows["covered"][target == k].mean()
    names = [f"sensitivity_at_specificity_{s:.2f}" for s in (0.90, 0.95)]
    names += [f"specificity_at_sensitivity_{s:.2f}" for s in (0.90, 0.95)]
    for code, case, values in [*((c, target == k, p[:, k]) for k, c in enumerate(codes)), ("malignant", sick, score)]:
        found |= {(n, code): v for n, v in zip(names, fixed_rates(case, values), strict=True)}
    return found


def peer(predictions: Predictions, resamples: int, seed: int) -> tuple[float, dict[Any, tuple[float, float]]]:
    """(seconds, (metric, class, group) -> percentile interval) of the loop."""
    t = predictions.table.sort("image_id")
    codes = list(ISIC_2018)
    number = {c: k for k, c in enumerate(codes)}
    arrays = {
        "target": t["target"].replace_strict(number).to_numpy(),
        "predicted": t["predicted"].replace_strict(number).to_numpy(),
        "p": t.select([f"p_{c}" for c in codes]).to_numpy(),
        "refused": (t["status"] == "refused").to_numpy(),
        "covered": t.select(pl.col("set").list.contains(pl.col("target")))["set"].to_numpy(),
        "set_size": t["set"].list.len().to_numpy().astype(float),
    }
    unit, source, ids = group_ids(t), t["source"].to_numpy(), t["image_id"].to_numpy()
    draws: dict[Any, list[float]] = {}
    began = time.perf_counter()
    for group in (None, *sorted(set(source))):
        inside = np.flatnonzero(source == group) if group else np.arange(len(t))
        _, first, own = np.unique(unit[inside], return_index=True, return_inverse=True)
        rank = np.empty(len(first), np.int64)
        rank[np.argsort(first)] = np.arange(len(first))
        own = rank[own]
        for weights in multiplicities(generator(seed, list(ids[inside])), len(first), resamples):
            for column in weights.T:
                drawn = inside[np.repeat(np.arange(len(inside)), column[own].astype(int))]
                values = by_sklearn({k: v[drawn] for k, v in arrays.items()}, group is None)
                for (metric, code), value in values.items():
                    draws.setdefault((metric, code, group), []).append(value)
    seconds = time.perf_counter() - began
    return seconds, {k: tuple(np.quantile(v, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])) for k, v in draws.items()}


def whole_command(file: Path, folder: Path, *options: str) -> tuple[float, float]:
    """(seconds, peak GB) of `cutis evaluate` on a predictions file, its report in `folder`."""
    code = (
        "import resource, sys\nfrom cutis.cli import main\n"
        "try:\n    main(['evaluate', sys.argv[1], '--out', *sys.argv[2:]])\n"
        "finally:\n    print('PEAK', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, str(file), str(folder / "report"), *options],
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if "PEAK" not in done.stdout or not (folder / "report" / "index.html").exists():
        sys.exit(done.stderr)
    return seconds, int(done.stdout.rsplit("PEAK", 1)[1]) * 1024 / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--check", type=int, default=40)
    given = parser.parse_args()

    predictions = synthetic(given.rows)
    began = time.perf_counter()
    measure(predictions, by=["source"], resamples=given.resamples)
    ours = time.perf_counter() - began

    checked = measure(predictions, by=["source"], resamples=given.check)
    assert checked.unit in PLURALS
    seconds, intervals = peer(predictions, given.check, checked.seed)
    apart: dict[Any, float] = {}
    for (metric, code, group), (low, high) in intervals.items():
        found = checked.find(metric, code, "source" if group else None, group)
        assert found is not None, (metric, code, group)
        if found.low is None or found.high is None or "exact one" in found.reason:  # shares of 0 or 1
            continue
        if metric == "ece":  # its interval is widened to hold the value
            low, high = min(low, found.value or 0), max(high, found.value or 0)
        apart[metric, code, group] = max(abs(found.low - low), abs(found.high - high))
    farthest = max(apart, key=lambda k: apart[k])
    assert apart[farthest] < 1e-9, f"the intervals of {farthest} differ by {apart[farthest]}"

    with tempfile.TemporaryDirectory() as temporary:
        file = predictions.save(Path(temporary) / "predictions.parquet")
        command_s, peak = whole_command(file, Path(temporary))
    row = {
        "rows": given.rows,
        "resamples": given.resamples,
        "groups": 12,
        "ours_s": round(ours, 2),
        "peer_s_per_resample": round(seconds / given.check, 3),
        "peer_s_scaled": round(seconds / given.check * given.resamples, 1),
        "intervals_compared": len(apart),
        "largest_difference": f"{apart[farthest]:.1e}",
        "evaluate_command_s": round(command_s, 1),
        "evaluate_peak_gb": round(peak, 2),
        "ratio": round(seconds / given.check * given.resamples / ours, 1),
    }
    print(table([row], list(row)))
    record("bootstrap", [row | stamp("numpy", "scikit-learn", "scipy")], key=("rows", "resamples"))
    print(f"bootstrap ratio={row['ratio']:.2f}")


if __name__ == "__main__":
    main()
