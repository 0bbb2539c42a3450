"""Several labels an image, against scikit-learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from evaluate_world import predictions
from sklearn.metrics import accuracy_score, average_precision_score, hamming_loss, roc_auc_score

from cutis.errors import CutisError
from cutis.evaluate.measure import measure
from cutis.report.headline import headline
from cutis.schema.predictions import Predictions

CODES = ["network", "streaks", "globules"]


def world(seed: int = 0, n: int = 120) -> tuple[Predictions, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.random((n, 3)) < [0.5, 0.2, 0.4]
    p = np.round(1 / (1 + np.exp(-(rng.normal(size=(n, 3)) + 2 * labels - 1))), 2)
    made = predictions(p, [None] * n, CODES, predicted=[None] * n, sex=["male", "female"] * (n // 2))
    held = [[CODES[k] for k in np.flatnonzero(row)] for row in labels]
    table = made.table.with_columns(labels=pl.Series(held, dtype=pl.List(pl.String)))
    return Predictions(table, made.info.model_copy(update={"task": "multi-label"})), labels


def test_equals_sklearn() -> None:
    made, labels = world()
    found = measure(made, resamples=60)
    p = made.probabilities()

    def value(metric: str, code: str | None = None, *group: str) -> float:
        m = found.find(metric, code, *group)
        assert m is not None, metric
        assert m.value is not None
        return m.value

    assert value("macro_auroc") == pytest.approx(roc_auc_score(labels, p, average="macro"))
    assert value("macro_average_precision") == pytest.approx(average_precision_score(labels, p, average="macro"))
    assert value("exact_match") == pytest.approx(accuracy_score(labels, p >= 0.5))
    assert value("label_accuracy") == pytest.approx(1 - hamming_loss(labels, p >= 0.5))
    for k, code in enumerate(CODES):
        assert value("auroc", code) == pytest.approx(roc_auc_score(labels[:, k], p[:, k]))
        assert value("sensitivity", code) == pytest.approx((p[labels[:, k], k] >= 0.5).mean())
    men = np.arange(120) % 2 == 0
    assert value("macro_auroc", None, "sex", "male") == pytest.approx(roc_auc_score(labels[men], p[men]))
    assert [name for name, _ in headline(found)] == ["Macro AUROC", "Macro average precision", "All labels right"]
    assert (found.confusion, found.mistakes, found.reliability) == ([], [], [])
    assert {c.class_code for c in found.roc} == set(CODES)
    assert found.counts.labelled == 120


def test_a_label_that_nobody_has_is_left_out_and_said() -> None:
    made, labels = world()
    table = made.table.with_columns(pl.col("labels").list.set_difference(pl.lit(["streaks"])))
    found = measure(replace(made, table=table), by=[], resamples=60)
    m = found.find("macro_auroc")
    assert m is not None
    p = made.probabilities()
    assert m.value == pytest.approx(roc_auc_score(labels[:, [0, 2]], p[:, [0, 2]]))
    assert "over 2 of 3 labels (streaks can't be ranked here)" in m.reason
    assert found.find("sensitivity", "streaks").value is None  # type: ignore[union-attr]


def test_medmnist_of_several_labels() -> None:
    made, labels = world()
    found = measure(made, by=[], resamples=40, protocol="medmnist")
    p = made.probabilities()
    acc, auc = found.find("medmnist:acc"), found.find("medmnist:auc")
    assert acc is not None
    assert auc is not None
    assert acc.value == pytest.approx(((p > 0.5) == labels).mean())
    assert auc.value == pytest.approx(roc_auc_score(labels, p, average="macro"))


def test_label_that_is_no_class() -> None:
    made, _ = world()
    table = made.table.with_columns(labels=pl.Series([["netwrk"]] * 120, dtype=pl.List(pl.String)))
    with pytest.raises(CutisError, match='row 1: labels holds "netwrk": did you mean "network"'):
        measure(replace(made, table=table))
