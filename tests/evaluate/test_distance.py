"""Distances between sets against closed forms, other packages, and sets whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import polynomial_kernel

from cutis.errors import CutisError
from cutis.evaluate.distance import frechet_distance, kid, label_sharpness, levina_bickel, standardised, two_nn
from cutis.evaluate.distance.kernel import squared_mmd
from cutis.evaluate.distance.rows import neighbours
from cutis.evaluate.resampled import Resampling

FEW = Resampling(resamples=40)


def gaussian(n: int, d: int, seed: int, middle: float = 0.0, spread: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(middle, spread, (n, d))


def with_moments(rows: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """The rows moved so that their sample mean and covariance are exactly these."""
    centred = rows - rows.mean(0)
    white = centred @ np.linalg.inv(np.linalg.cholesky(np.cov(rows.T))).T
    return white @ np.linalg.cholesky(covariance).T + mean


# --- Frechet ---------------------------------------------------------------------------------------------------------


def test_frechet_of_diagonal_gaussians_has_a_closed_form():
    """d2 = |m1 - m2|^2 + sum (s1 - s2)^2, where covariances commute."""
    m1, m2, s1, s2 = (np.array(v, float) for v in ([0, 1, 2], [3, 1, 0], [1, 2, 0.5], [2, 2, 4]))
    a = with_moments(gaussian(40, 3, 0), m1, np.diag(s1**2))
    b = with_moments(gaussian(30, 3, 1), m2, np.diag(s2**2))
    expected = ((m1 - m2) ** 2).sum() + ((s1 - s2) ** 2).sum()
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), d=st.integers(1, 6))
def test_frechet_equals_its_formula_by_scipy(seed, d):
    rng = np.random.default_rng(seed)
    a, b = (rng.normal(size=(d + 9, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d) for _ in "ab")
    one, two, shift = np.cov(a.T).reshape(d, d), np.cov(b.T).reshape(d, d), a.mean(0) - b.mean(0)
    formula = shift @ shift + np.trace(one + two - 2 * np.real(sqrtm(one @ two)))
    found = frechet_distance(a, b)
    assert found == pytest.approx(formula, rel=1e-5, abs=1e-5)
    assert found == pytest.approx(frechet_distance(b, a), rel=1e-8, abs=1e-8)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6 * np.trace(one))


def test_frechet_bears_a_column_that_never_changes():
    """A dead feature makes the covariance singular: a general matrix root fails or turns complex there."""
    a, b = gaussian(30, 3, 0), gaussian(30, 3, 1, 1)
    with_dead = [np.column_stack([x, np.full(30, 7.0)]) for x in (a, b)]
    assert frechet_distance(*with_dead) == pytest.approx(frechet_distance(a, b))


def test_frechet_grows_as_rows_get_fewer():
    far = [frechet_distance(gaussian(n, 10, 1), gaussian(n, 10, 2)) for n in (12, 50, 1000)]
    assert far[0] > far[1] > far[2]


def test_scaling_takes_the_first_sets_units():
    a, b = gaussian(50, 2, 0) * [1, 100] + [0, 5], gaussian(40, 2, 1) * [1, 100]
    one, two = standardised(a, b)
    assert np.allclose(one.mean(0), 0)
    assert np.allclose(one.std(0), 1)
    assert np.allclose(two * a.std(0) + a.mean(0), b)
    metres = standardised(a / [1, 1000], b / [1, 1000])
    assert frechet_distance(one, two) == pytest.approx(frechet_distance(*metres))


# --- KID -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [2, 7])
def test_mmd_equals_brute_force_by_sklearn(d):
    a, b = gaussian(9, d, 0), gaussian(6, d, 1, 0.5)
    within = [
        sum(float(polynomial_kernel(x[i : i + 1], x[j : j + 1], degree=3, gamma=1 / d, coef0=1)[0, 0])
            for i in range(len(x)) for j in range(len(x)) if i != j) / (len(x) * (len(x) - 1))
        for x in (a, b)
    ]  # fmt: skip
    between = polynomial_kernel(a, b, degree=3, gamma=1 / d, coef0=1).mean()
    assert squared_mmd(a, b) == pytest.approx(sum(within) - 2 * between, rel=1e-10)


def test_kid_is_unbiased_and_tells_sets_apart():
    same = [
        kid(gaussian(60, 5, s), gaussian(80, 5, s + 500), np.random.default_rng(s), subsets=4).value for s in range(120)
    ]
    error = np.std(same) / np.sqrt(len(same))
    assert abs(np.mean(same)) < 4 * error
    assert min(same) < 0 < max(same)
    assert kid(gaussian(60, 5, 0), gaussian(80, 5, 1, 1.0), np.random.default_rng(0)).value > 10 * np.std(same)


def test_kid_of_all_rows_is_one_number_and_seeds_decide_the_rest():
    a, b = gaussian(30, 4, 0), gaussian(40, 4, 1)
    whole = kid(a[:30], b[:30], np.random.default_rng(0), subsets=3, size=30)
    assert whole.value == pytest.approx(squared_mmd(a[:30], b[:30]))
    assert whole.deviation == pytest.approx(0, abs=1e-12)
    one, again, other = (kid(a, b, np.random.default_rng(s), subsets=5) for s in (1, 1, 2))
    assert one == again != other
    assert (one.size, one.n_a, one.n_b) == (15, 30, 40)


# --- intrinsic dimension ---------------------------------------------------------------------------------------------


def manifold(kind: str, n: int = 1500, seed: int = 0) -> np.ndarray:
    """In 20 dimensions: a cube's inside of 5, a circle, a sphere's surface (2), turned at random."""
    rng = np.random.default_rng(seed)
    if kind == "cube":
        flat = rng.uniform(0, 1, (n, 5))
    else:
        flat = rng.normal(size=(n, {"circle": 2, "sphere": 3}[kind]))
        flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    turn = np.linalg.qr(rng.normal(size=(20, 20)))[0]
    return 3 + np.pad(flat, ((0, 0), (0, 20 - flat.shape[1]))) @ turn


# At a cube's faces half the neighbours are missing, which both take for fewer dimensions.
@pytest.mark.parametrize(("kind", "true", "slack"), [("cube", 5, 0.6), ("circle", 1, 0.1), ("sphere", 2, 0.15)])
@pytest.mark.parametrize("measure", [levina_bickel, two_nn])
def test_dimension_of_known_manifolds(measure, kind, true, slack):
    found = measure(manifold(kind), resampling=FEW)
    assert found.value == pytest.approx(true, abs=slack)
    assert found.low < found.value < found.high
    assert found.n == 1500


def test_dimension_by_the_formulas_written_out():
    rows = manifold("cube", 60)
    far = np.sort(cdist(rows, rows), 1)[:, 1:]
    inverse = [np.mean([np.log(t[4] / t[j]) for j in range(4)]) for t in far]
    assert levina_bickel(rows, 5).value == pytest.approx(1 / np.mean(inverse))
    mu = np.sort(far[:, 1] / far[:, 0])[:54]  # 90 %
    x, y = np.log(mu), -np.log(1 - np.arange(1, 55) / 60)
    slope = np.linalg.lstsq(x[:, None], y, rcond=None)[0][0]
    assert two_nn(rows).value == pytest.approx(slope)


def test_equal_rows_are_one_point():
    rows = manifold("circle", 100)
    twice = np.concatenate([rows, rows[:30]])
    found, once = levina_bickel(twice, resampling=FEW), levina_bickel(rows, resampling=FEW)
    assert found.n == 100
    assert found.value == pytest.approx(once.value)
    with pytest.raises(CutisError, match="only 1 of 50 rows differ"):
        two_nn(np.ones((50, 3)))


def test_neighbours_are_those_of_a_sorted_table_far_from_zero():
    rows = gaussian(300, 6, 3) + 1e4
    far, who = neighbours(rows, 4)
    table = cdist(rows, rows)
    assert np.allclose(far, np.sort(table, 1)[:, 1:5], rtol=1e-9)
    assert (who == np.argsort(table, 1)[:, 1:5]).all()
    far, who = neighbours(rows, 4, np.arange(300) // 3)
    assert not (who // 3 == np.arange(300)[:, None] // 3).any()


# --- label sharpness -------------------------------------------------------------------------------------------------


def test_sharpness_by_hand_takes_pairs_whose_labels_differ():
    """Rows 0 and 1 are nearest but alike in label: with == for != the answer would be 1 / 0.1."""
    x = np.array([[0.0, 0.0], [0.1, 0.0], [0.0, 0.5], [3.0, 0.0]])
    found = label_sharpness(x, ["a", "a", "b", "c"], np.random.default_rng(0))
    assert found.value == pytest.approx(1 / 0.5)
    assert found.pair == (0, 2)
    assert found.n == 4
    assert (found.low, found.high) == (0.0, 3.0)


def test_sharpness_equals_brute_force_and_reports_size_and_range():
    rng = np.random.default_rng(1)
    images, labels = rng.integers(0, 256, (300, 4, 5, 3)).astype(np.uint8), rng.integers(0, 3, 300).tolist()
    flat = images.reshape(300, -1) / 255
    differ = np.not_equal.outer(labels, labels)
    found = label_sharpness(images, labels, rng)
    assert found.value == pytest.approx(1 / cdist(flat, flat)[differ].min())
    assert found.size == "4 x 5 x 3"
    assert 0 <= found.low < found.high <= 1
    fewer = label_sharpness(images, labels, np.random.default_rng(0), most=50)
    assert fewer.n == 50
    assert fewer.value <= found.value
    brighter = label_sharpness(images.astype(float), labels, rng)
    assert brighter.value == pytest.approx(found.value / 255)


# --- bad input -------------------------------------------------------------------------------------------------------


def test_bad_input_is_one_line():
    good, rng = gaussian(30, 3, 0), np.random.default_rng(0)
    holed = good.copy()
    holed[4, 1] = np.nan
    flat = good.copy()
    flat[:, 2] = 4
    image = np.zeros((2, 2, 2), np.uint8)
    cases = {
        "row 5, column 2 is nan": lambda: frechet_distance(holed, good),
        "3 and 2 columns": lambda: frechet_distance(good, good[:, :2]),
        "the second set has 3 rows of 3 columns": lambda: frechet_distance(good, good[:3]),
        "column 3 is constant": lambda: standardised(flat, good),
        "the first set has 3 rows": lambda: kid(good[:3], good, rng),
        "subsets of 31 rows": lambda: kid(good, good, rng, size=31),
        "expected numbers": lambda: frechet_distance([["a"]], good),
        "20 or more|21 or more": lambda: levina_bickel(good[:20]),
        "k is 1": lambda: levina_bickel(good, 1),
        "all 30 images have one label": lambda: label_sharpness(good, ["a"] * 30, rng),
        "rows 1 and 2 are the same image": lambda: label_sharpness(image, ["a", "b"], rng),
        "30 rows|30, 3": lambda: label_sharpness(good, ["a"], rng),
    }
    for words, call in cases.items():
        with pytest.raises(CutisError, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)
