"""Telling strange from known: against scikit-learn and pytorch-ood, by hand, and where there is nothing to tell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from cutis.errors import CutisError
from cutis.evaluate.ood import METRICS, detection
from cutis.schema.estimate import Estimate


def found(known: object, strange: object, **other: object) -> dict[str, Estimate]:
    rng = np.random.default_rng(0)
    return detection(np.asarray(known, float), np.asarray(strange, float), rng=rng, **{"resamples": 60, **other})  # type: ignore[arg-type]


def fpr95(positive: np.ndarray, negative: np.ndarray) -> float:
    """By trying every threshold: the least share of negatives at or above one that 95 % of positives reach."""
    every = np.concatenate([positive, negative])
    return min(float((negative >= t).mean()) for t in every if (positive >= t).mean() >= 0.95 - 1e-12)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(5, 60), m=st.integers(5, 60), digits=st.integers(0, 6))
def test_points_are_scikit_learns(seed: int, n: int, m: int, digits: int):
    rng = np.random.default_rng(seed)
    known, strange = np.round(rng.normal(0, 1, n), digits), np.round(rng.normal(0.7, 1.5, m), digits)
    score, is_strange = np.concatenate([known, strange]), np.arange(n + m) >= n
    values = {name: e.value for name, e in found(known, strange, resamples=40).items()}
    assert values["auroc"] == pytest.approx(roc_auc_score(is_strange, score))
    assert values["aupr_strange"] == pytest.approx(average_precision_score(is_strange, score))
    assert values["aupr_known"] == pytest.approx(average_precision_score(~is_strange, -score))
    assert values["fpr95_strange"] == pytest.approx(fpr95(strange, known))
    assert values["fpr95_known"] == pytest.approx(fpr95(-known, -strange))


def test_worked_by_hand():
    """Known 0..19, strange 10.5..29.5. 95 % of the known are 0..18, which accepts the strange 10.5..17.5: 8 of 20. To
    find 95 % of the strange is to refuse above 11: the known 12..19 are 8 of 20. Of 400 pairs 45 are in the wrong
    order."""
    values = found(np.arange(20), np.arange(20) + 10.5)
    assert values["fpr95_known"].value == pytest.approx(8 / 20)
    assert values["fpr95_strange"].value == pytest.approx(8 / 20)
    assert values["auroc"].value == pytest.approx(1 - 45 / 400)


def test_the_positive_side_matters():
    """One strange image among the lowest scores costs 5 % of the strange; one in five known ones above all of them."""
    known = np.concatenate([np.zeros(80), np.full(20, 9.0)])
    strange = np.concatenate([np.full(30, 5.0), [-1.0]])
    values = found(known, strange)
    assert values["fpr95_known"].value == 1.0  # accepting 95 % of the known needs a threshold of 9
    assert values["fpr95_strange"].value == pytest.approx(0.2)
    assert values["aupr_known"].value != pytest.approx(values["aupr_strange"].value, abs=0.1)


def test_intervals_hold_the_value_and_are_repeatable():
    rng = np.random.default_rng(3)
    known, strange = rng.normal(size=200), rng.normal(1, 1, 150)
    one, again = found(known, strange, resamples=300), found(known, strange, resamples=300)
    assert list(one) == list(METRICS)
    assert one == again
    for estimate in one.values():
        assert estimate.low < estimate.value < estimate.high  # type: ignore[operator]
        assert (estimate.n, estimate.n_units, estimate.unit) == (350, 350, "image")
    assert "DeLong" in one["auroc"].reason
    assert 0.05 < one["auroc"].high - one["auroc"].low < 0.15  # type: ignore[operator]


def test_units_are_what_is_independent():
    """Every image three times, as one unit: nothing new is known, so value and interval are those of single images.

    As images of their own they would look surer than they are.
    """
    rng = np.random.default_rng(4)
    known, strange = rng.normal(size=60), rng.normal(1, 1, 50)
    thrice = np.repeat(known, 3), np.repeat(strange, 3)
    labels = {"known_units": np.repeat(np.arange(60), 3), "strange_units": np.repeat(np.arange(50), 3)}
    together = found(*thrice, **labels, unit="lesion", resamples=200)
    single = found(known, strange, resamples=200)
    apart = found(*thrice, resamples=200)
    for name in METRICS:
        assert together[name].value == pytest.approx(single[name].value)
        assert together[name].n_units == 110
        if name != "auroc":  # of single images DeLong's
            assert together[name].low == pytest.approx(single[name].low)
            assert together[name].high == pytest.approx(single[name].high)
    assert together["auroc"].low < apart["auroc"].low < apart["auroc"].high < together["auroc"].high  # type: ignore[operator]


def test_nothing_to_tell_apart():
    same = found(np.zeros(20), np.zeros(30))
    assert same["auroc"].value == 0.5
    assert same["fpr95_known"].value == same["fpr95_strange"].value == 1.0
    assert same["aupr_strange"].value == pytest.approx(0.6)
    assert same["aupr_known"].value == pytest.approx(0.4)
    assert same["auroc"].low is None
    assert "same value" in same["auroc"].reason


def test_told_apart_wholly():
    apart = found(np.arange(20), np.arange(40) + 100)
    assert apart["auroc"].value == apart["aupr_known"].value == apart["aupr_strange"].value == 1.0
    rate = apart["fpr95_known"]
    assert (rate.value, rate.low) == (0.0, 0.0)
    assert rate.high == pytest.approx(1 - 0.025 ** (1 / 40))  # of 40 strange images
    assert apart["fpr95_strange"].high == pytest.approx(1 - 0.025 ** (1 / 20))


@pytest.mark.parametrize(
    ("n", "m", "words"),
    [
        (0, 9, "0 images that are known"),
        (9, 0, "0 images that are strange"),
        (3, 40, "3 images that are known; you need 2 more"),
        (0, 0, "0 images that are known"),
    ],
)
def test_too_few_are_not_estimable(n: int, m: int, words: str):
    for estimate in found(np.arange(n), np.arange(m)).values():
        assert estimate.status == "not estimable"
        assert words in estimate.reason


@pytest.mark.parametrize(
    ("known", "other", "words"),
    [
        ([0, np.nan, 1], {}, "score 1 of the known images is nan"),
        ([0, np.inf, 1], {}, "score 1 of the known images is inf"),
        ([[0, 1]], {}, r"shape \(1, 2\); expected one number an image"),
        ([0, 1], {"known_units": [0]}, r"units of the known images have shape \(1,\); expected \(2,\)"),
        ([0, 1], {"unit": "leson"}, 'did you mean "lesion"'),
        ([0, 1], {"resamples": 3}, "at least 40"),
    ],
)
def test_bad_input_is_one_line(known: object, other: dict[str, object], words: str):
    with pytest.raises(CutisError, match=words) as caught:
        found(known, [1.0, 2.0], **other)
    assert "\n" not in str(caught.value)


@pytest.mark.slow  # its import takes seconds
def test_points_are_pytorch_oods():
    """Its FPR95 counts strange as positive; its AUPR joins the points by straight lines, which differs a little."""
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("pytorch_ood.metrics")
    rng = np.random.default_rng(5)
    known, strange = rng.normal(0, 1, 3000), rng.normal(0.8, 1.3, 2000)
    label = torch.tensor(np.where(np.arange(5000) < 3000, 0, -1))
    theirs = metrics.OODMetrics().update(torch.tensor(np.concatenate([known, strange])), label).compute()
    ours = found(known, strange, resamples=40)
    assert ours["auroc"].value == pytest.approx(theirs["AUROC"])
    assert ours["fpr95_strange"].value == pytest.approx(theirs["FPR95TPR"])
    assert ours["aupr_strange"].value == pytest.approx(theirs["AUPR-OUT"], abs=1e-3)
    assert ours["aupr_known"].value == pytest.approx(theirs["AUPR-IN"], abs=1e-3)
