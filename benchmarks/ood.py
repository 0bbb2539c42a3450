"""Which score tells strange images from known ones, and what refusing by it costs, on real data.

    python benchmarks/ood.py BUNDLE DATASET [--n 500] [--resamples 1000]

Known: the test part of DATASET, which BUNDLE learned from. Strange: at most `n` images each of another source (ISIC
2017), other modalities (blood cells, nuclei, chest X-rays, DICOM samples) and pictures that aren't of skin (made up;
crops of two photographs). The gate is left out: these are the scores alone. Each score's threshold is the one that
`cutis calibrate --ood` would fit: the 99 % quantile over validation lesions. Intervals by drawing lesions and strange
images anew. Rows go to results/ood.csv, `kind` "known" for the cost: the share of test images that is refused, of
malignant and benign ones apart, and the accuracy on what is answered and what is refused. A bundle that lacks
statistics gets them first, from the training part. The last line is `ood best=<score with the highest mean AUROC>`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl

from common import SHARED, record, stamp, table
from cutis.bundle.fit import OOD_QUANTILE, Choice
from cutis.bundle.load import load_bundle
from cutis.bundle.ood import SCORES, available
from cutis.bundle.predict import Bundle
from cutis.bundle.recalibrate import recalibrate
from cutis.data.dataset import Dataset
from cutis.data.split import load_split
from cutis.evaluate.ood import detection
from quality_data import not_skin

STRANGE = {
    "isic2017": "other source",
    "bccd": "other modality",
    "dsb2018_nuclei": "other modality",
    "pneumoniamnist": "other modality",
    "dicom": "other modality",
    "made_up": "not skin",
    "photographs": "not skin",
}


def strange_files(name: str, most: int, folder: Path) -> list[Path]:
    """At most `most` image files of a strange set; pictures that are not files are written to `folder` as PNG."""
    if name == "isic2017":
        files = sorted((SHARED / name / "images").iterdir())
        return [files[i] for i in np.random.default_rng(0).permutation(len(files))[:most]]
    folder.mkdir()
    parts = ("train", "test") if STRANGE[name] == "other modality" and name != "dicom" else ("test",)
    pictures: Iterator[np.ndarray] = chain.from_iterable(not_skin(name, part, most) for part in parts)
    made = []
    for i, pixels in enumerate(islice(pictures, most)):
        made.append(folder / f"{i:04}.png")
        cv2.imwrite(str(made[-1]), np.ascontiguousarray(pixels[..., ::-1]))
    return made


def thresholds(bundle: Bundle, dataset: Dataset) -> dict[str, float]:
    """Each score's, over the validation images."""
    scores = bundle.scores(dataset, part="val").drop_nulls()
    return {name: float(np.quantile(scores[name], OOD_QUANTILE, method="higher")) for name in available(bundle.known)}


def labelled(scores: pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    """The scores that could be computed, with `unit`, a number of the group that an image was split by."""
    groups = load_split(dataset).table.select("image_id", pl.col("group").rank("dense").cast(pl.Int64).alias("unit"))
    return scores.drop_nulls().join(groups, on="image_id")


def measured(
    known: pl.DataFrame, strange: pl.DataFrame, limits: dict[str, float], resamples: int
) -> Iterable[dict[str, Any]]:
    """One row a score. known: of `labelled`; strange: scores alone."""
    for name, limit in limits.items():
        found = detection(
            known[name].to_numpy(),
            strange[name].to_numpy(),
            rng=np.random.default_rng(0),
            known_units=known["unit"].to_numpy(),
            unit="lesion",
            resamples=resamples,
        )
        row: dict[str, Any] = {"score": name, "n_known": len(known), "n_strange": len(strange)}
        for metric, estimate in found.items():
            for key, value in (("", estimate.value), ("_low", estimate.low), ("_high", estimate.high)):
                row[metric + key] = "" if value is None else f"{value:.4f}"
        yield row | {
            "threshold": f"{limit:.5g}",
            "refused_known": f"{(known[name] > limit).mean():.4f}",
            "refused_strange": f"{(strange[name] > limit).mean():.4f}",
        }


def costs(bundle: Bundle, dataset: Dataset, known: pl.DataFrame, limits: dict[str, float]) -> Iterable[dict[str, Any]]:
    """What refusing by each score does to the test part, one row a score."""
    said = bundle.predict(dataset, part="test", gate=False, progress=False).table
    malignant = [c.code for c in bundle.card.classes if c.malignant]
    rows = known.join(said.select("image_id", "target", "predicted"), on="image_id").drop_nulls("target")
    right, sick = rows["target"] == rows["predicted"], rows["target"].is_in(malignant)
    for name, limit in limits.items():
        refused = rows[name] > limit
        yield {
            "score": name,
            "against": dataset.card.name,
            "kind": "known",
            "n_known": len(rows),
            "threshold": f"{limit:.5g}",
            "refused_known": f"{refused.mean():.4f}",
            "refused_malignant": f"{refused.filter(sick).mean():.4f}",
            "refused_benign": f"{refused.filter(~sick).mean():.4f}",
            "accuracy_all": f"{right.mean():.4f}",
            "accuracy_answered": f"{right.filter(~refused).mean():.4f}",
            "accuracy_refused": f"{right.filter(refused).mean():.4f}" if refused.any() else "",
        }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("bundle", type=Path)
    arguments.add_argument("dataset", type=Path)
    arguments.add_argument("--n", type=int, default=500)
    arguments.add_argument("--resamples", type=int, default=1000)
    given = arguments.parse_args()
    dataset = Dataset.load(given.dataset)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        bundle = load_bundle(given.bundle)
        if len(available(bundle.known)) < len(SCORES):
            bundle = load_bundle(recalibrate(given.bundle, dataset, work / "bundle", Choice(ood="knn")))
        limits = thresholds(bundle, dataset)
        known = labelled(bundle.scores(dataset, part="test"), dataset)
        rows += costs(bundle, dataset, known, limits)
        for name, kind in STRANGE.items():
            strange = bundle.scores(strange_files(name, given.n, work / name)).drop_nulls()
            rows += [
                {"against": name, "kind": kind, **row} for row in measured(known, strange, limits, given.resamples)
            ]
    about = {"bundle": bundle.digest[:12], "backbone": bundle.card.backbone, **stamp("openvino", "scipy")}
    record("ood", [row | about for row in rows])
    costly = [r for r in rows if r["kind"] == "known"]
    print(table(costly, [k for k in costly[0] if k not in ("against", "kind")]))
    against = [r for r in rows if r["kind"] != "known"]
    shown = ["against", "score", "n_strange", "auroc", "auroc_low", "auroc_high", "aupr_strange", "aupr_known"]
    print(table(against, [*shown, "fpr95_known", "fpr95_strange", "refused_strange"]))
    mean = {name: np.mean([float(r["auroc"]) for r in against if r["score"] == name]) for name in limits}
    print({name: round(float(value), 3) for name, value in mean.items()})
    print(f"ood best={max(mean, key=lambda name: mean[name])}")


if __name__ == "__main__":
    main()
