"""Answer sets: quantiles by hand, the Beta law of their coverage, units, MAPIE, one quantile a class or group."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cutis.evaluate.calibrators import softmax
from cutis.evaluate.conformal import (
    answer_sets,
    chances,
    class_scores,
    conformal_quantile,
    effective_units,
    fit_conformal,
    least_units,
)

CODES = ["a", "b", "c", "d", "e"]


def world(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Probabilities that are somewhat overconfident, true classes, ids."""
    rng = np.random.default_rng(seed)
    logits = rng.normal([2, 1, 0, 0, -1], 1.5, (n, 5))
    targets = (softmax(logits).cumsum(1) > rng.random((n, 1))).argmax(1)
    return softmax(logits * 1.5), targets, [f"{seed}-{i}" for i in range(n)]


def test_quantiles_and_lac_by_hand():
    """Nine scores and 90 %: rank ceil(10 * 0.9) = 9, the largest. Ten: rank ceil(9.9) = 10. Nineteen: rank 18."""
    assert conformal_quantile(np.arange(1, 10) / 10, 0.9) == 0.9
    assert conformal_quantile(np.arange(1, 11) / 10, 0.9) == 1.0
    assert conformal_quantile(np.arange(19, 0, -1) / 20, 0.9) == 18 / 20
    assert conformal_quantile(np.arange(1, 9) / 10, 0.9) is None
    assert conformal_quantile(np.array([]), 0.9) is None
    p = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25]])
    assert class_scores(p, np.zeros(2), "lac") == pytest.approx(1 - p)


def test_aps_and_raps_by_hand():
    """Ranks of the row: 0.5 (b), 0.3 (a), 0.2 (c). With u = 0.5: b 0.25, a 0.5 + 0.15, c 0.8 + 0.1."""
    p, u = np.array([[0.3, 0.5, 0.2]]), np.array([0.5])
    assert class_scores(p, u, "aps") == pytest.approx(np.array([[0.65, 0.25, 0.9]]))
    assert class_scores(p, u, "raps", penalty=0.1, free=1) == pytest.approx(np.array([[0.75, 0.25, 1.1]]))


@given(n=st.integers(1, 400), percent=st.integers(1, 99))
def test_rank_is_exact_at_every_coverage(n: int, percent: int):
    """Against integer arithmetic: a rounding error in (n + 1) * coverage would move the rank."""
    rank = -(-(n + 1) * percent // 100)
    found = conformal_quantile(np.arange(1, n + 1, dtype=float), percent / 100)
    assert found == (rank if rank <= n else None)


def test_coverage_of_the_quantile_follows_the_beta_law():
    """Coverage of the uniform given the calibration set is the quantile itself, Beta(n + 1 - l, l)."""
    rng = np.random.default_rng(1)
    n, coverage = 50, 0.9
    found = [conformal_quantile(rng.random(n), coverage) for _ in range(2_000)]
    miss = math.floor((n + 1) * (1 - coverage))
    assert stats.kstest(found, stats.beta(n + 1 - miss, miss).cdf).pvalue > 0.01
    assert stats.kstest(found, stats.beta(n - miss, miss + 1).cdf).pvalue < 1e-6  # one rank off would be seen


@pytest.mark.parametrize("method", ["lac", "aps", "raps"])
def test_coverage_of_sets_follows_the_beta_law(method):
    """1,000 repeats: calibrate on 60, cover 4,000 others. Their shares are Beta, but for the counting noise."""
    p, targets, ids = world(30_000, 0)
    u = chances(ids)
    own = class_scores(p, u, method, penalty=0.01, free=2)[np.arange(len(p)), targets]
    rng, n, coverage = np.random.default_rng(1), 60, 0.9
    covered = []
    for _ in range(1_000):
        rows = rng.permutation(len(p))[: n + 4_000]
        quantile = conformal_quantile(own[rows[:n]], coverage)
        covered.append((own[rows[n:]] <= quantile).mean())
    miss = math.floor((n + 1) * (1 - coverage))
    law = stats.beta(n + 1 - miss, miss)
    assert np.mean(covered) == pytest.approx(law.mean(), abs=4 * law.std() / math.sqrt(1_000))
    assert stats.kstest(covered, law.cdf).pvalue > 0.01
    assert np.mean(covered) >= coverage


def test_sizes_order_as_published():
    p, targets, ids = world(4_000, 2)
    sizes, empty = {}, {}
    for method in ("lac", "aps", "raps"):
        rule = fit_conformal(p[:2_000], targets[:2_000], ids[:2_000], CODES, coverage=0.9, unit="lesion", method=method)
        assert rule is not None
        sets = answer_sets(p[2_000:], ids[2_000:], CODES, rule)
        sizes[method], empty[method] = sets.sum(1).mean(), (~sets.any(1)).mean()
        assert sets[np.arange(2_000), targets[2_000:]].mean() == pytest.approx(0.9, abs=0.03)
    assert sizes["lac"] < sizes["raps"] <= sizes["aps"]


def test_mapie_makes_the_same_lac_sets_and_aps_sets_as_large():
    mapie = pytest.importorskip("mapie.classification", reason="the oracle MAPIE is not installed")
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Told(ClassifierMixin, BaseEstimator):
        """Its features are the probabilities."""

        def fit(self, x, y=None):
            self.classes_ = np.arange(5)
            return self

        def predict_proba(self, x):
            return x

        def predict(self, x):
            return x.argmax(1)

    p, targets, _ = world(1_500, 3)
    told = Told().fit(p)
    u = np.random.default_rng(0).random(len(p))
    for method, drawn in (("lac", {}), ("aps", {"include_last_label": "randomized"})):
        theirs = mapie.SplitConformalClassifier(
            told, confidence_level=0.9, conformity_score=method, prefit=True, random_state=0
        )
        theirs.conformalize(p[:700], targets[:700])
        sets = theirs.predict_set(p[700:], conformity_score_params=drawn)[1][:, :, 0]
        scores = class_scores(p, u, method)
        quantile = conformal_quantile(scores[np.arange(700), targets[:700]], 0.9)
        assert quantile is not None
        ours = scores[700:] <= quantile + 1e-12
        if method == "lac":
            assert np.array_equal(ours, sets)
        else:  # each draws its own u
            assert ours.sum(1).mean() == pytest.approx(sets.sum(1).mean(), rel=0.05)


def test_one_quantile_a_class_covers_each_class():
    p, targets, ids = world(40_000, 4)
    half = len(p) // 2
    marginal, each = (
        fit_conformal(p[:half], targets[:half], ids[:half], CODES, coverage=0.9, unit="lesion", by=by)
        for by in ("", "class")
    )
    assert marginal is not None
    assert each is not None
    rows, truth = np.arange(half), targets[half:]
    shares = {}
    for name, rule in (("", marginal), ("class", each)):
        inside = answer_sets(p[half:], ids[half:], CODES, rule)[rows, truth]
        shares[name] = np.array([inside[truth == k].mean() for k in range(5)])
    assert shares["class"] == pytest.approx(0.9, abs=0.03)
    assert shares[""].min() < 0.8  # what the overall coverage hides


def test_groups_too_small_or_unknown_are_never_covered_less():
    p, targets, ids = world(2_000, 5)
    groups = ["light"] * 1_200 + ["dark"] * 795 + ["rare"] * 5
    targets[1_200:1_995] = np.where(np.random.default_rng(0).random(795) < 0.5, 3, targets[1_200:1_995])
    rule = fit_conformal(p, targets, ids, CODES, coverage=0.9, unit="lesion", by="tone", groups=groups)
    assert rule is not None
    assert rule.quantiles["rare"] is None
    assert rule.quantiles["dark"] > rule.quantiles["light"]  # type: ignore[operator]
    assert answer_sets(p[:3], ids[:3], CODES, rule, ["rare"] * 3).all()
    assert answer_sets(p[:3], ids[:3], CODES, rule, [None] * 3).all()  # unknown: the largest bound of all
    light = answer_sets(p[:1_200], ids[:1_200], CODES, rule, groups[:1_200])
    assert light[np.arange(1_200), targets[:1_200]].mean() == pytest.approx(0.9, abs=0.01)


def test_too_few_rows_give_no_sets_and_u_depends_on_the_id_alone():
    p, targets, ids = world(8, 6)
    assert fit_conformal(p, targets, ids, CODES, coverage=0.9, unit="image") is None
    assert np.array_equal(chances(["a", "b"]), chances(["b", "a"])[::-1])
    assert stats.kstest(chances([str(i) for i in range(5_000)]), "uniform").pvalue > 0.01


def test_units_by_hand():
    """Three lesions of 4, 1 and 1 images: 36 / 18 = 2 units of one size. Ten of two images: 10, and rank ceil(22 * 0.9)
    = 20, the largest; nine of two and one of three: 21 images, 441 / 45 = 9.8 units, rank ceil(23.14 * 0.9) = 21."""
    assert effective_units(np.array([0, 0, 0, 0, 1, 2])) == 2
    assert effective_units(np.array([], np.int64)) == 0
    pairs = np.repeat(np.arange(10), 2)
    assert conformal_quantile(np.arange(1.0, 21), 0.9, pairs) == 20
    assert conformal_quantile(np.arange(1.0, 22), 0.9, np.append(pairs, 0)) == 21
    assert conformal_quantile(np.arange(1.0, 17), 0.9, pairs[:16]) is None  # eight lesions, though 16 images
    assert conformal_quantile(np.arange(1.0, 17), 0.9) == 16  # where each image is a unit there are enough
    assert [least_units(c) for c in (0.5, 0.8, 0.9, 0.95, 0.999)] == [1, 4, 9, 19, 999]


@given(n=st.integers(1, 60), size=st.integers(1, 5), percent=st.integers(1, 99))
def test_images_of_units_of_one_size_have_the_rank_of_units(n: int, size: int, percent: int):
    """Each image of a unit has the same score: then the quantile is that of one image a unit."""
    scores = np.arange(1, n + 1, dtype=float)
    one = conformal_quantile(scores, percent / 100)
    assert conformal_quantile(np.repeat(scores, size), percent / 100, np.repeat(np.arange(n), size)) == one


def units_of(rng: np.random.Generator, count: int, sizes: str, shared: float, harder: float):
    """(unit, score) of all images of `count` units. shared: the share of a score's variance that a unit's images have
    in common. harder: what a unit of e times as many images adds to its scores."""
    if sizes == "lesions":  # as in HAM10000: most have one, a few up to six
        n = np.minimum(rng.geometric(0.75, count), 6)
    else:  # patients: 1 to 120, 13 on average
        n = np.minimum(1 + rng.negative_binomial(0.6, 0.05, count), 120)
    unit = np.repeat(np.arange(count), n)
    common, own = rng.normal(size=count)[unit], rng.normal(size=len(unit))
    return unit, np.sqrt(shared) * common + np.sqrt(1 - shared) * own + harder * np.log(n)[unit]


@pytest.mark.parametrize(
    ("sizes", "shared", "harder", "count"),
    [
        ("lesions", 0.0, 0.0, 60),
        ("lesions", 0.5, 0.4, 60),
        ("lesions", 1.0, 0.8, 250),
        ("patients", 0.5, 0.4, 60),
        ("patients", 1.0, 0.0, 60),
        ("patients", 1.0, 0.8, 60),
        ("patients", 1.0, 0.8, 250),
        ("patients", 0.5, -0.4, 250),
    ],
)
def test_coverage_of_images_is_held_with_unit_effects(sizes: str, shared: float, harder: float, count: int):
    """Coverage of new units with all their images, on average over calibrations: what was asked or a little more."""
    rng = np.random.default_rng(0)
    of, pool = units_of(rng, 20_000, sizes, shared, harder)
    images, at = np.sort(pool), np.argsort(pool)
    each = np.concatenate([[0.0], np.cumsum((1 / np.bincount(of)[of])[at]) / 20_000])
    all_images, first_only = [], []
    for _ in range(100):
        unit, scores = units_of(rng, count, sizes, shared, harder)
        held = conformal_quantile(scores, 0.9, unit)
        one = conformal_quantile(scores[np.unique(unit, return_index=True)[1]], 0.9)
        all_images.append(np.searchsorted(images, np.inf if held is None else held, "right"))
        first_only.append(np.searchsorted(images, np.inf if one is None else one, "right"))
    per_image, per_unit = np.array(all_images) / len(pool), each[all_images].mean()
    few = sizes == "patients" and count == 60  # worth 25 of one size, as a few have most images
    assert 0.9 - 3 * per_image.std() / 10 < per_image.mean() < (0.95 if few else 0.92)
    if harder > 0:
        assert np.mean(first_only) / len(pool) < 0.89  # one image of each unit hides it
        assert per_unit > per_image.mean()
    if harder < 0:
        assert per_unit < per_image.mean()  # what is held is a share of images: evaluate reports both
    if harder == 0:
        assert per_unit == pytest.approx(per_image.mean(), abs=0.015)
