"""Temperature, conformal quantile, k-NN distance and operating points, against hand work and independent references."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.neighbors import NearestNeighbors

from cutis.bundle.calibrate import (
    conformal_quantile,
    fit_temperature,
    knn_distance,
    lac_scores,
    lac_sets,
    normalise_rows,
    operating_point,
    softmax,
)


def test_temperature_recovers_a_known_one():
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, (40_000, 4))
    p = softmax(honest)
    targets = (p.cumsum(1) > rng.random((len(p), 1))).argmax(1)
    for known in (0.5, 1.0, 3.0):
        assert fit_temperature(honest * known, targets) == pytest.approx(known, rel=0.03)


def test_weights_count_units_not_images():
    logits = np.array([[2.0, 0], [2.0, 0], [0, 1.0], [3.0, 0], [0.5, 0]])
    targets = np.array([0, 0, 1, 1, 0])
    repeated = np.concatenate([logits, logits[:1].repeat(9, 0)]), np.concatenate([targets, targets[:1].repeat(9)])
    weights = np.array([0.1, 1, 1, 1, 1, *[0.1] * 9])
    assert fit_temperature(*repeated, weights) == pytest.approx(fit_temperature(logits, targets), rel=1e-4)
    assert fit_temperature(*repeated) != pytest.approx(fit_temperature(logits, targets), rel=1e-2)


def test_temperature_without_a_minimum_is_none():
    logits = np.array([[1.0, 0], [0, 1.0]])
    assert fit_temperature(logits, np.array([0, 1])) is None  # all right: the sharper the better
    assert fit_temperature(logits, np.array([1, 0])) is None  # all wrong: the flatter the better
    assert fit_temperature(logits[:, :1], np.array([0, 0])) is None
    assert fit_temperature(logits[:0], np.array([], int)) is None


def test_lac_by_hand():
    """Nine scores and 90 %: rank ceil(10 * 0.9) = 9, the largest. Ten: rank ceil(9.9) = 10. Nineteen: rank 18."""
    assert conformal_quantile(np.arange(1, 10) / 10, 0.9) == 0.9
    assert conformal_quantile(np.arange(1, 11) / 10, 0.9) == 1.0
    assert conformal_quantile(np.arange(19, 0, -1) / 20, 0.9) == 18 / 20
    assert conformal_quantile(np.arange(1, 9) / 10, 0.9) is None
    assert conformal_quantile(np.array([]), 0.9) is None
    p = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25], [0.5, 0.5, 0.0]])
    assert lac_scores(p, np.array([0, 1, 2])) == pytest.approx([0.3, 0.65, 1.0])
    assert lac_sets(p, 0.65).tolist() == [[True, False, False], [True, True, False], [True, True, False]]
    assert not lac_sets(p, 0.2).any()


@given(n=st.integers(1, 400), percent=st.integers(1, 99))
def test_rank_is_exact_at_every_coverage(n: int, percent: int):
    """Against integer arithmetic: a rounding error in (n + 1) * coverage would move the rank."""
    rank = -(-(n + 1) * percent // 100)
    found = conformal_quantile(np.arange(1, n + 1, dtype=float), percent / 100)
    assert found == (rank if rank <= n else None)


def test_coverage_follows_the_beta_law():
    """Coverage of the uniform given the calibration set is the quantile itself, Beta(n + 1 - l, l)."""
    rng = np.random.default_rng(1)
    n, coverage = 50, 0.9
    found = [conformal_quantile(rng.random(n), coverage) for _ in range(2_000)]
    miss = math.floor((n + 1) * (1 - coverage))
    assert stats.kstest(found, stats.beta(n + 1 - miss, miss).cdf).pvalue > 0.01
    assert stats.kstest(found, stats.beta(n - miss, miss + 1).cdf).pvalue < 1e-6  # one rank off would be seen


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 12), block=st.integers(1, 50))
def test_knn_is_sklearns(seed: int, k: int, block: int):
    rng = np.random.default_rng(seed)
    bank = normalise_rows(rng.normal(size=(30, 5)))
    rows = rng.normal(size=(41, 5)) * rng.uniform(0.1, 10, (41, 1))
    reference = NearestNeighbors(n_neighbors=k).fit(bank).kneighbors(normalise_rows(rows))[0][:, -1]
    assert knn_distance(rows, bank, k, block) == pytest.approx(reference, abs=2e-3)


def test_operating_point_by_hand():
    """Ten malignant at 0.1..1.0: 90 % of them are at or above 0.2; four of the six benign are below."""
    p = np.array([*np.arange(1, 11) / 10, 0.05, 0.1, 0.15, 0.19, 0.2, 0.9])
    point = operating_point(p, np.arange(16) < 10, 0.9)
    assert (point.threshold, point.sensitivity, point.n) == (0.2, 0.9, 16)
    assert point.specificity == pytest.approx(4 / 6)
    assert operating_point(p, np.arange(16) < 10, 0.95).sensitivity == 1.0


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=60), st.floats(0.05, 1))
def test_operating_point_keeps_its_sensitivity(rows: list[tuple[float, bool]], sensitivity: float):
    p, sick = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    if sick.any() and not sick.all():
        point = operating_point(p, sick, sensitivity)
        assert (p[sick] >= point.threshold).mean() == point.sensitivity >= sensitivity - 1e-9
        higher = p[sick][p[sick] > point.threshold]
        assert len(higher) / sick.sum() < sensitivity  # the next threshold up would miss it
