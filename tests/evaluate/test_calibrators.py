"""Temperature, vector and isotonic calibration, against known truths and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from cutis.evaluate import calibrators
from cutis.evaluate.calibrators import fit_temperature, softmax


def drawn(n: int, k: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Honest logits and targets drawn from them."""
    rng = np.random.default_rng(seed)
    honest = rng.normal(0, 2, (n, k))
    targets = (softmax(honest).cumsum(1) > rng.random((n, 1))).argmax(1)
    return honest, targets


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


def test_vector_undoes_a_scale_and_a_bias():
    honest, targets = drawn(40_000)
    scale, bias = np.array([0.5, 1.0, 2.0, 1.5]), np.array([0.0, 1.0, -1.0, 0.5])
    found = calibrators.fit("vector", (honest - bias) / scale, targets)
    assert found is not None
    assert np.array(found.scale) == pytest.approx(scale, rel=0.05)
    known = np.array(found.bias) - np.mean(found.bias)  # softmax knows biases only up to a constant
    assert known == pytest.approx(bias - bias.mean(), abs=0.1)
    assert np.abs(calibrators.apply(found, (honest - bias) / scale) - softmax(honest)).mean() < 0.005


def test_vector_of_two_classes_is_a_logistic_regression():
    honest, targets = drawn(3_000, 2, seed=1)
    logits = honest * 2.0 + [0.7, 0]
    found = calibrators.fit("vector", logits, targets)
    assert found is not None
    theirs = LogisticRegression(C=np.inf).fit(logits, targets)
    assert calibrators.apply(found, logits)[:, 1] == pytest.approx(theirs.predict_proba(logits)[:, 1], abs=5e-3)


def test_isotonic_is_scikit_learns_then_normalised():
    honest, targets = drawn(2_000, 3, seed=2)
    logits = honest * 3
    weights = np.random.default_rng(0).uniform(0.2, 1, len(targets))
    found = calibrators.fit("isotonic", logits, targets, weights)
    assert found is not None
    p = softmax(logits)
    lines = [
        IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(p[:, k], targets == k, weights).predict(p[:, k])
        for k in range(3)
    ]
    raised = np.maximum(np.stack(lines, 1), 1e-6)
    assert calibrators.apply(found, logits) == pytest.approx(raised / raised.sum(1, keepdims=True), abs=1e-9)


@pytest.mark.parametrize("method", ["temperature", "vector", "isotonic"])
def test_each_lowers_the_loss_of_overconfident_logits_and_sums_to_one(method: str):
    honest, targets = drawn(3_000, seed=3)
    found = calibrators.fit(method, honest * 4, targets)  # type: ignore[arg-type]
    assert found is not None
    p, before = calibrators.apply(found, honest * 4), softmax(honest * 4)
    rows = np.arange(len(targets))
    assert np.log(p[rows, targets]).mean() > np.log(np.maximum(before[rows, targets], 1e-12)).mean()
    assert p.sum(1) == pytest.approx(1.0)
    assert (p > 0).all()
    assert type(found).model_validate_json(found.model_dump_json()) == found


def test_one_class_only_can_not_be_calibrated():
    logits = np.array([[1.0, 0], [2.0, 0]])
    assert calibrators.fit("vector", logits, np.array([0, 0])) is None
    assert calibrators.fit("isotonic", logits, np.array([0, 0])) is None


@pytest.mark.parametrize("method", ["vector", "isotonic"])
@pytest.mark.parametrize("rows", [0, 9])
def test_a_class_without_images_or_with_few_is_left_alone(method: str, rows: int):
    """Before, one without any was pushed down until it was never answered: sensitivity from 0.9 to 0.4 and less."""
    honest, targets = drawn(4_000, seed=5)
    logits, new, truth = honest * 2, *drawn(4_000, seed=6)
    of = np.flatnonzero(targets == 3)
    seen = np.setdiff1d(np.arange(4_000), of[rows:])
    found = calibrators.fit(method, logits[seen], targets[seen])  # type: ignore[arg-type]
    assert found is not None
    assert found.alone == (3,)
    assert type(found).model_validate_json(found.model_dump_json()) == found
    p, temperature = calibrators.apply(found, new * 2), softmax(new * 2, found.temperature)
    assert p.sum(1) == pytest.approx(1.0)
    assert p[:, 3] == pytest.approx(temperature[:, 3])
    before, after = ((q.argmax(1)[truth == 3] == 3).mean() for q in (temperature, p))
    assert before > 0.7
    assert after > before - 0.02
    # The others share the rest as a calibrator of them alone deals it.
    others = np.setdiff1d(seen, of)
    alone = calibrators.fit(method, logits[others, :3], targets[others])  # type: ignore[arg-type]
    assert alone is not None
    assert p[:, :3] / p[:, :3].sum(1, keepdims=True) == pytest.approx(
        calibrators.apply(alone, new[:, :3] * 2), abs=0.02
    )


@pytest.mark.parametrize("method", ["vector", "isotonic"])
def test_few_are_counted_in_units(method: str):
    """Forty images of nine lesions are nine; of ten lesions, ten."""
    honest, targets = drawn(2_000, 3, seed=7)
    rare = np.flatnonzero(targets == 2)[:40]
    rows = np.concatenate([np.flatnonzero(targets < 2), rare])
    units = np.arange(len(rows))
    for lesions, alone in ((9, (2,)), (10, ())):
        units[-40:] = 10_000 + np.arange(40) % lesions
        found = calibrators.fit(method, honest[rows], targets[rows], None, units)  # type: ignore[arg-type]
        assert found is not None
        assert found.alone == alone


@pytest.mark.parametrize("method", ["vector", "isotonic"])
def test_one_class_of_enough_images_is_not_enough(method: str):
    honest, targets = drawn(500, 3, seed=8)
    rows = np.concatenate([np.flatnonzero(targets == 0), np.flatnonzero(targets == 1)[:9]])
    assert calibrators.fit(method, honest[rows], targets[rows]) is None  # type: ignore[arg-type]
