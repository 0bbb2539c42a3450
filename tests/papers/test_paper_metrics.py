"""The numbers of claims against scikit-learn, plain and weighted, and by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from cutis.papers import metrics
from cutis.papers.claim import Metric


@pytest.fixture
def table() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    n = 200
    p = rng.dirichlet([1, 1, 1], n).round(2)
    p[:, 2] = 1 - p[:, 0] - p[:, 1]
    codes = np.array(["mel", "nv", "bkl"])
    target = codes[rng.integers(0, 3, n)]
    return pl.DataFrame(
        {
            "target": target,
            "predicted": codes[p.argmax(1)],
            **{f"p_{c}": p[:, i] for i, c in enumerate(codes)},
            "malignant": target == "mel",
            "p_malignant": p[:, 0],
            "bias": np.where(rng.random(n) < 0.7, "with", "against"),
        }
    )


WEIGHTS = np.random.default_rng(1).integers(0, 4, (200, 3)).astype(float)


def at(metric: Metric, table: pl.DataFrame) -> np.ndarray:
    return metric.statistic(table)(np.c_[np.ones(len(table)), WEIGHTS])


def test_balanced_accuracy_is_scikit_learns(table: pl.DataFrame) -> None:
    found = at(metrics.BALANCED_ACCURACY, table)
    for k, w in enumerate([None, *WEIGHTS.T]):
        told = balanced_accuracy_score(table["target"], table["predicted"], sample_weight=w)
        assert found[k] == pytest.approx(told)


def test_auroc_is_scikit_learns_with_ties(table: pl.DataFrame) -> None:
    found = at(metrics.AUROC, table)
    for k, w in enumerate([None, *WEIGHTS.T]):
        assert found[k] == pytest.approx(roc_auc_score(table["malignant"], table["p_malignant"], sample_weight=w))


def test_gap_is_the_difference_of_its_groups_and_worst_the_smaller(table: pl.DataFrame) -> None:
    one, other = (at(metrics.within("bias", g), table) for g in ("with", "against"))
    assert at(metrics.gap(), table) == pytest.approx(one - other)
    assert at(metrics.worst("bias"), table) == pytest.approx(np.minimum(one, other))
    kept = table.filter(pl.col("bias") == "with")
    assert one[0] == pytest.approx(balanced_accuracy_score(kept["target"], kept["predicted"]))


def test_groups_apart_in_auroc_are_scikit_learns(table: pl.DataFrame) -> None:
    rng = np.random.default_rng(2)
    table = table.with_columns(
        tone=pl.Series([("dark", "light", None)[i] for i in rng.integers(0, 3, len(table))]),
        age=pl.Series(rng.integers(20, 80, len(table)).astype(float)),
    )
    for metric, groups in (
        (metrics.auroc_gap("tone"), [pl.col("tone") == "dark", pl.col("tone") == "light"]),
        (metrics.auroc_gap("age", above=50), [pl.col("age") >= 50, pl.col("age") < 50]),
    ):
        found = at(metric, table)
        for k, w in enumerate([np.ones(len(table)), *WEIGHTS.T]):
            among = [table.with_columns(w=w).filter(g) for g in groups]
            told = [roc_auc_score(t["malignant"], t["p_malignant"], sample_weight=t["w"]) for t in among]
            assert found[k] == pytest.approx(abs(told[0] - told[1]))


def test_calibration_error_by_hand() -> None:
    table = pl.DataFrame(
        {"target": ["a", "b", "a", "b"], "predicted": ["a", "a", "a", "b"], "p_a": [0.9, 0.9, 0.6, 0.4]}
    ).with_columns((1 - pl.col("p_a")).alias("p_b"))
    # Two at 0.9, one right: off by 0.4; two at 0.6, both right: off by 0.4.
    assert metrics.ECE.statistic(table)(np.ones((4, 1)))[0] == pytest.approx(0.4)
    # Without the one that is wrong: 0.1 of a third, 0.4 of two thirds.
    assert metrics.ECE.statistic(table)(np.array([[1.0], [0], [1], [1]]))[0] == pytest.approx(0.1 / 3 + 0.8 / 3)


def test_mean_of_a_column(table: pl.DataFrame) -> None:
    found = at(metrics.mean_of("p_nv", "mean of p"), table)
    for k, w in enumerate([np.ones(len(table)), *WEIGHTS.T]):
        assert found[k] == pytest.approx(np.average(table["p_nv"], weights=w))
