"""Reduced precision, only after it was measured: a certificate with the subgroups before and after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cutis.bundle.freeze import write_card
from cutis.bundle.load import load_bundle, read_card
from cutis.bundle.predict import Bundle
from cutis.bundle.runtime import PRECISIONS, Runtime
from cutis.data.dataset import Dataset
from cutis.errors import CutisError, nearest
from cutis.files import only_writer
from cutis.schema.predictions import ATTRIBUTES, Predictions

LEAST_AGREEMENT = 0.98  # share of images with the same top class
MOST_LOSS = 0.01  # of balanced accuracy
MOST_RECALL_LOSS = 0.02  # of a class with LEAST_IMAGES or more; with fewer one image is more than that
LEAST_IMAGES = 50
LEAST_IN_ALL = 64


def certify(
    bundle: Path | str, precision: str, dataset: Dataset | Path | str, *, part: str | None = None
) -> dict[str, Any]:
    """Measure `precision` ("bf16") against fp32 on labelled images, write the certificate into bundle.json and return
    it.

    dataset, part: as in `Bundle.predict`. The certificate: images, max |delta p|, top-1 agreement, and for all images
    and each subgroup (sex, age band, site, tone, class) balanced accuracy and sensitivity (malignant images answered
    with a malignant class) before and after. bundle.json gets a new digest; no other file changes.

    Raises CutisError, and changes nothing, if this CPU can't do it, there are fewer than 64 labelled images, or it
    costs too much: agreement below 98 %, over 1 point of balanced accuracy, or over 2 points of recall of a class with
    50 images.
    """
    path = Path(bundle)
    reduced = [p for p in PRECISIONS if p != "fp32"]
    if precision not in reduced:
        raise CutisError(f'precision "{precision}" can\'t be certified: {nearest(precision, reduced)}')
    full = load_bundle(path, runtime="openvino")
    low_runtime = Runtime(
        (path / "model.onnx").read_bytes(), name="openvino", precision=precision, where=path / "model.onnx"
    )
    before = full.predict(dataset, part=part)
    after = Bundle(path, full.card, low_runtime, full.known).predict(dataset, part=part)
    certificate = _compare(before, after)
    certificate["precision"], certificate["dataset_digest"] = precision, before.info.dataset_digest
    _refuse_costly(certificate, precision)
    with only_writer(path, "cutis certify", beside=True):
        card = read_card(path)
        write_card(card.model_copy(update={"reduced": {**card.reduced, precision: certificate}}), path)
    return certificate


def _compare(before: Predictions, after: Predictions) -> dict[str, Any]:
    ok = (before.table["status"] != "error") & before.table["target"].is_not_null()
    table = before.table.filter(ok)
    if len(table) < LEAST_IN_ALL:
        raise CutisError(f"{len(table)} labelled images: a certificate needs {LEAST_IN_ALL} or more.")
    codes = before.codes
    columns = [f"p_{c}" for c in codes]
    delta = np.abs(table.select(columns).to_numpy() - after.table.filter(ok).select(columns).to_numpy())
    table = table.with_columns(after.table.filter(ok)["predicted"].alias("reduced"))
    malignant = [c.code for c in before.info.classes if c.malignant]
    attributes = [a for a in ATTRIBUTES if a in table.columns and table[a].null_count() < len(table)]
    groups = [("", "", table)]
    groups += [
        (name, str(value), table.filter(pl.col(name) == value))
        for name in ("target", *attributes)
        for value in table[name].drop_nulls().unique().sort().to_list()
    ]
    return {
        "dataset": before.info.dataset,
        "part": before.info.part,
        "images": len(table),
        "max_delta_p": float(delta.max()),
        "mean_delta_p": float(delta.mean()),
        "agreement": float((table["predicted"] == table["reduced"]).mean()),  # type: ignore[arg-type]
        "groups": [
            {
                "attribute": name,
                "group": value,
                "n": len(rows),
                "balanced_accuracy": _both(rows, _balanced_accuracy),
                "sensitivity": _both(rows, lambda r, answer: _sensitivity(r, answer, malignant)),
            }
            for name, value, rows in groups
        ],
    }


def _both(rows: pl.DataFrame, measure: Any) -> dict[str, float | None]:
    return {"before": measure(rows, "predicted"), "after": measure(rows, "reduced")}


def _balanced_accuracy(rows: pl.DataFrame, answer: str) -> float:
    """Mean recall of the classes present."""
    right = rows.select("target", (pl.col(answer) == pl.col("target")).alias("right"))
    return float(right.group_by("target").agg(pl.col("right").mean())["right"].mean())  # type: ignore[arg-type]


def _sensitivity(rows: pl.DataFrame, answer: str, malignant: list[str]) -> float | None:
    sick = rows.filter(pl.col("target").is_in(malignant))
    return float(sick[answer].is_in(malignant).mean()) if len(sick) else None  # type: ignore[arg-type]


def _refuse_costly(certificate: dict[str, Any], precision: str) -> None:
    remedy = "Nothing was certified; use fp32."
    if certificate["agreement"] < LEAST_AGREEMENT:
        raise CutisError(
            f"{precision}: only {certificate['agreement']:.1%} of images keep their top class (at least "
            f"{LEAST_AGREEMENT:.0%} must). {remedy}"
        )
    for row in certificate["groups"]:
        value = row["balanced_accuracy"]
        loss = value["before"] - value["after"]
        if row["attribute"] == "" and loss > MOST_LOSS:
            raise CutisError(f"{precision}: balanced accuracy falls by {loss:.3f} (at most {MOST_LOSS}). {remedy}")
        if row["attribute"] == "target" and row["n"] >= LEAST_IMAGES and loss > MOST_RECALL_LOSS:
            raise CutisError(
                f'{precision}: the recall of "{row["group"]}" falls by {loss:.3f} (at most {MOST_RECALL_LOSS}). '
                f"{remedy}"
            )
