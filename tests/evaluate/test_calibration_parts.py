"""AURC, classwise and adaptive ECE, the parts of the Brier score: by hand, and against plain loops with weights."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from evaluate_world import predictions, random_world
from sklearn.metrics import brier_score_loss

from cutis.evaluate.binned import NAMES, BinnedBlock
from cutis.evaluate.calibration import BINS
from cutis.evaluate.measure import measure
from cutis.evaluate.sample import Sample, make_sample
from cutis.evaluate.selective import COVERAGES, SelectiveBlock
from cutis.schema.identity import group_ids


def sample_of(seed: int) -> Sample:
    made = random_world(seed)
    table = made.table.sort("image_id")
    return make_sample(type(made)(table, made.info), group_ids(table), "lesion", "test")


def repeated(sample: Sample, weights: np.ndarray) -> np.ndarray:
    """Row numbers, each as often as its unit was drawn."""
    return np.repeat(np.arange(len(sample)), weights[sample.unit].astype(int))


@pytest.fixture
def draws() -> tuple[Sample, np.ndarray]:
    sample = sample_of(0)
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, sample.n_units, (3, sample.n_units))
    counts = np.stack([np.bincount(d, minlength=sample.n_units) for d in drawn], axis=1).astype(float)
    return sample, np.column_stack([np.ones(sample.n_units), counts])


def test_aurc_by_hand():
    """Confidences .9 right, .8 wrong, .7 right, .6 right: errors among the kept 0, 1/2, 1/3, 1/4; mean 13/48."""
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    made = predictions(p, ["nv", "mel", "nv", "nv"], ["nv", "mel"])
    sample = make_sample(made, np.arange(4), "image", "test")
    aurc, excess, at_80, at_90 = SelectiveBlock(sample, COVERAGES).compute(np.ones((4, 1)))[:, 0]
    assert aurc == pytest.approx(13 / 48)
    assert excess == pytest.approx(13 / 48 - (0.25 + 0.75 * np.log(0.75)))
    assert (at_80, at_90) == (0.25, 0.25)  # 80 % of four is more than three


def test_selective_risk_is_the_loop_over_thresholds(draws):
    sample, weights = draws
    found = SelectiveBlock(sample, (0.8,)).compute(weights)
    for column in range(weights.shape[1]):
        rows = repeated(sample, weights[:, column])
        sure, wrong = sample.confidence[rows], ~sample.correct[rows]
        risks = np.array([wrong[sure >= c].mean() for c in sure])
        assert found[0, column] == pytest.approx(risks.mean())
        error = wrong.mean()
        assert found[1, column] == pytest.approx(risks.mean() - (error + (1 - error) * np.log(1 - error)))
        least = max(c for c in sure if (sure >= c).mean() >= 0.8)
        assert found[2, column] == pytest.approx(wrong[sure >= least].mean())


def test_binned_parts_are_the_loop_over_bins(draws):
    sample, weights = draws
    found = BinnedBlock(sample).compute(weights)
    for column in range(weights.shape[1]):
        rows = repeated(sample, weights[:, column])
        expected = dict.fromkeys(NAMES, 0.0)
        classes = len(sample.classes)
        for k in range(classes):
            p, y = sample.p[rows, k], (sample.target[rows] == k).astype(float)
            bins = np.minimum((p * BINS + 1e-12).astype(int), BINS - 1)
            expected["brier_uncertainty"] += y.mean() * (1 - y.mean())
            for b in set(bins):
                inside, share = bins == b, (bins == b).mean()
                gap = p[inside].mean() - y[inside].mean()
                expected["ece_classwise"] += share * abs(gap) / classes
                expected["brier_reliability"] += share * gap**2
                expected["brier_resolution"] += share * (y[inside].mean() - y.mean()) ** 2
        assert found[:, column] == pytest.approx(list(expected.values()))


def test_parts_add_up_to_the_brier_score_where_each_bin_holds_one_value():
    rng = np.random.default_rng(3)
    q = rng.choice([0.1, 0.3, 0.5, 0.7, 0.9], 400)
    target = np.where(rng.random(400) < q**1.5, "mel", "nv")
    made = predictions(np.column_stack([1 - q, q]), target.tolist(), ["nv", "mel"])
    evidence = measure(made, resamples=40, unit="image")
    value = {m.metric: m.value for m in evidence.measured if m.class_code is None and m.attribute is None}
    parts = value["brier_reliability"] - value["brier_resolution"] + value["brier_uncertainty"]
    assert parts == pytest.approx(value["brier"])
    assert value["brier"] == pytest.approx(2 * brier_score_loss(target == "mel", q))


def test_adaptive_bins_hold_equal_shares():
    rng = np.random.default_rng(4)
    q = 0.5 + rng.beta(8, 1, 3_000) / 2  # most confidences near 1, where equal widths would put them all in one bin
    right = rng.random(3_000) < q - 0.05
    made = predictions(np.column_stack([q, 1 - q]), np.where(right, "nv", "mel").tolist(), ["nv", "mel"])
    evidence = measure(made, resamples=40, unit="image")
    found = evidence.find("ece_adaptive")
    order = np.argsort(q)
    by_hand = sum(abs(right[part].mean() - q[part].mean()) / BINS for part in np.array_split(order, BINS))
    assert found is not None
    assert found.value == pytest.approx(by_hand, abs=2e-3)
    assert found.value == pytest.approx(0.05, abs=0.02)


def test_aurc_is_given_by_group_and_refused_rows_count():
    evidence = measure(random_world(5), by=["sex"], resamples=40)
    assert evidence.find("aurc", None, "sex", "male") is not None
    assert evidence.find("e_aurc", None, "sex", "male") is None
    whole = evidence.find("aurc")
    assert whole is not None
    assert whole.n == pl.DataFrame(random_world(5).table).height
