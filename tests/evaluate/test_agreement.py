"""Agreement statistics against scikit-learn, statsmodels, Krippendorff's own example and values worked by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from cutis.errors import CutisError
from cutis.evaluate.agreement import (
    Resampling,
    agreement,
    cohen_kappa,
    correlation,
    fleiss_kappa,
    krippendorff_alpha,
)

FEW = Resampling(resamples=60)
NAN = float("nan")
# Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011, part C: 4 observers, 12 units.
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
    [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
]


def readers(n: int, raters: int, k: int, seed: int) -> np.ndarray:
    """(n, raters) ratings 0..k-1 that agree more than by chance; every category is used."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    off = rng.integers(-1, 2, (n, raters)) * (rng.random((n, raters)) < 0.4)
    return np.vstack([np.clip(truth[:, None] + off, 0, k - 1), np.repeat(np.arange(k)[:, None], raters, 1)])


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
@pytest.mark.parametrize("seed", range(3))
def test_cohen_is_scikit_learns(weights, seed):
    table = readers(80, 2, 5, seed)
    found = cohen_kappa(table[:, 0], table[:, 1], weights=weights, resampling=FEW)
    expected = cohen_kappa_score(table[:, 0], table[:, 1], weights=None if weights == "none" else weights)
    assert found.value == pytest.approx(expected, abs=1e-12)
    assert found.low < found.value < found.high
    assert found.n == found.n_units == len(table)


def test_categories_nobody_used_count_in_the_distance():
    a, b = [1, 3] * 6, [3, 3] * 6
    wide = cohen_kappa(a, b, weights="linear", categories=[1, 2, 3], resampling=FEW)
    assert wide.value == pytest.approx(cohen_kappa_score(a, b, weights="linear", labels=[1, 2, 3]))
    words = cohen_kappa(["low", "high"] * 6, ["high", "mid"] * 6, weights="linear", categories=["low", "mid", "high"])
    assert words.value == pytest.approx(cohen_kappa_score([0, 2] * 6, [2, 1] * 6, weights="linear", labels=[0, 1, 2]))


@pytest.mark.parametrize("raters", [2, 3, 6])
def test_fleiss_is_statsmodels(raters):
    inter_rater = pytest.importorskip("statsmodels.stats.inter_rater")
    table = readers(60, raters, 4, raters)
    counts, _ = inter_rater.aggregate_raters(table)
    assert fleiss_kappa(table, resampling=FEW).value == pytest.approx(inter_rater.fleiss_kappa(counts), abs=1e-12)


def test_fleiss_of_the_textbook():
    """Fleiss 1971's layout on the often printed table of 10 subjects, 14 raters, 5 categories: 0.210."""
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    ratings = [np.repeat(np.arange(5), row) for row in counts]
    assert fleiss_kappa(ratings).value == pytest.approx(0.210, abs=5e-4)


@pytest.mark.parametrize(
    ("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_krippendorffs_own_example(level, alpha):
    found = krippendorff_alpha(np.array(OBSERVERS).T, level=level, resampling=FEW)
    assert found.value == pytest.approx(alpha, abs=5e-4)
    assert found.n == 11  # the twelfth unit has one value and pairs with none
    assert found.low < found.value <= found.high


def brute_alpha(table: np.ndarray, distance) -> float:
    """The definition, pair by pair: observed within items, expected over all pairable values."""
    rows = [[v for v in row if v == v] for row in table]
    rows = [row for row in rows if len(row) > 1]
    values = [v for row in rows for v in row]
    n = len(values)
    observed = sum(
        distance(row[i], row[j]) / (len(row) - 1)
        for row in rows
        for i in range(len(row))
        for j in range(len(row))
        if i != j
    )
    expected = sum(distance(values[i], values[j]) for i in range(n) for j in range(n) if i != j)
    return 1 - (observed / n) / (expected / (n * (n - 1)))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_alpha_is_its_definition(seed):
    rng = np.random.default_rng(seed)
    table = readers(12, 3, 4, seed).astype(float)
    table[rng.random(table.shape) < 0.2] = NAN
    quick = Resampling(resamples=2)
    nominal = krippendorff_alpha(table, resampling=quick).value
    assert nominal == pytest.approx(brute_alpha(table, lambda a, b: float(a != b)))
    assert krippendorff_alpha(table, level="interval", resampling=quick).value == pytest.approx(
        brute_alpha(table, lambda a, b: (a - b) ** 2)
    )
    ratio = krippendorff_alpha(table, level="ratio", resampling=quick).value
    assert ratio == pytest.approx(brute_alpha(table, lambda a, b: ((a - b) / (a + b)) ** 2 if a + b else 0.0))
    order = rng.permutation(len(table))  # neither the order of items nor that of raters matters
    assert krippendorff_alpha(table[order][:, ::-1], resampling=quick).value == pytest.approx(nominal)
    stretched = krippendorff_alpha(np.exp(table), level="ordinal", resampling=quick).value  # only the order counts
    assert stretched == pytest.approx(krippendorff_alpha(table, level="ordinal", resampling=quick).value)


def test_a_resample_is_the_statistic_of_the_drawn_items():
    """The weights do what drawing rows would: doubling every item's weight or its rows is the same."""
    table = readers(30, 3, 4, 5)
    twice = np.vstack([table, table])
    for statistic in (fleiss_kappa, agreement):
        assert statistic(twice, resampling=FEW).value == pytest.approx(statistic(table, resampling=FEW).value)
    whole = cohen_kappa(twice[:, 0], twice[:, 1], resampling=Resampling(groups=[*range(len(table))] * 2))
    alone = cohen_kappa(table[:, 0], table[:, 1])
    assert whole.n_units == alone.n_units == len(table)
    # Every item twice in its own unit: as wide as once, where counting rows as independent would be sqrt(2) narrower.
    assert whole.high - whole.low == pytest.approx(alone.high - alone.low, rel=0.15)


def test_interval_covers_the_truth():
    """Two readers who agree at random half of the time and by knowledge otherwise: kappa is known, 0.5."""
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(60):
        a = rng.integers(0, 4, 120)
        b = np.where(rng.random(120) < 0.5, a, rng.integers(0, 4, 120))
        found = cohen_kappa(a, b, resampling=Resampling(resamples=200))
        hits += found.low <= 0.5 <= found.high
    assert hits >= 51  # 95 % nominal; below 51 of 60 has a chance under 1 in 2000


def test_percent_and_off_by_one_by_hand():
    table = [[1, 1, 2], [1, 2, 3], [3, 3, 3], [1, 3, None], [2, 2, None], [5, None, None]]
    exact = agreement(table, resampling=FEW)
    assert exact.value == pytest.approx((1 / 3 + 0 + 1 + 0 + 1) / 5)
    assert exact.n == 5
    assert agreement(table, within=1, resampling=FEW).value == pytest.approx((1 + 2 / 3 + 1 + 0 + 1) / 5)
    perfect = agreement([[1, 1]] * 20)
    assert (perfect.value, perfect.high) == (1.0, 1.0)
    assert perfect.low == pytest.approx(0.025 ** (1 / 20))


def test_correlation_is_numpys_and_blind_to_a_shift():
    table = readers(50, 2, 6, 1)
    found = correlation(table[:, 0], table[:, 1], resampling=FEW)
    assert found.value == pytest.approx(np.corrcoef(table.T)[0, 1])
    assert correlation(table[:, 0], table[:, 0] + 3, resampling=FEW).value == pytest.approx(1)


@pytest.mark.parametrize(
    ("statistic", "words"),
    [
        (lambda: cohen_kappa(["a"] * 12, ["a"] * 12), "one category"),
        (lambda: cohen_kappa([1] * 12 + [None] * 12, [None] * 12 + [1] * 12), "only 0 images"),
        (lambda: cohen_kappa([], []), "only 0 images"),
        (lambda: fleiss_kappa([[1, 1, 1]] * 12), "one category"),
        (lambda: fleiss_kappa([[1, 1, None]] + [[1, 2, 1]] * 12), "use Krippendorff's alpha"),
        (lambda: fleiss_kappa([[None, None]] * 12), "only 0 images"),
        (lambda: fleiss_kappa([[1, None]] * 12), "needs the same number, 2 or more"),
        (lambda: krippendorff_alpha([[None, NAN]] * 12), "only 0 images"),
        (lambda: krippendorff_alpha([[1, None], [None, 2]] * 6), "only 0 images"),
        (lambda: krippendorff_alpha([[2, 2]] * 12, level="ratio"), "all values are equal"),
        (lambda: krippendorff_alpha([[2, 2]] * 12, level="ordinal"), "all values are equal"),
        (lambda: agreement(np.zeros((0, 3))), "only 0 images"),
        (lambda: agreement([[1], [2]] * 12), "only 0 images"),
        (lambda: correlation([1] * 12, list(range(12))), "one number throughout"),
    ],
)
def test_what_cannot_be_estimated_says_why(statistic, words):
    found = statistic()
    assert (found.value, found.low, found.high, found.status) == (None, None, None, "not estimable")
    assert words in found.reason


def test_few_items_have_a_value_without_interval():
    found = cohen_kappa([1, 2, 1, 2, 1, 1], [1, 2, 1, 1, 1, 2])
    assert found.value is not None
    assert found.low is None
    assert "for an interval you need 4 more" in found.reason


@pytest.mark.parametrize(
    ("statistic", "words"),
    [
        (lambda: cohen_kappa([1, 2], [1]), "one answer an item each"),
        (lambda: cohen_kappa(["a", "b"], ["b", "a"], weights="linear"), "Say their order with categories"),
        (lambda: cohen_kappa(["a"], ["b"], weights="cubic"), "valid: none, linear, quadratic"),
        (lambda: cohen_kappa(["mel"], ["mell"], categories=["mel", "nv"]), 'did you mean "mel"'),
        (lambda: krippendorff_alpha([["a", "b"]], level="interval"), "Give numbers"),
        (lambda: krippendorff_alpha([[1, -2]] * 9, level="ratio"), "negative"),
        (lambda: krippendorff_alpha([1, 2, 3]), "expected (items, raters)"),
        (lambda: krippendorff_alpha([[1, 2]], level="ordinel"), 'did you mean "ordinal"'),
        (lambda: agreement([["a", "b"]], within=1), "Give numbers"),
        (lambda: agreement([[1, 1]] * 12, resampling=Resampling(groups=[1, 2])), "2 groups for 12 items"),
    ],
)
def test_bad_input_is_one_clear_line(statistic, words):
    with pytest.raises(CutisError, match=words.replace("(", r"\(").replace(")", r"\)")):
        statistic()


def test_the_published_numbers_of_groh_2022(shared_data: Path):
    """As the authors' replication notebook prints them (see docs/explanation/agreement.md)."""
    table = pl.read_csv(shared_data / "tables" / "groh2022_skin_tone_annotations.csv")
    table = table.unique("image", keep="first", maintain_order=True)  # two images are in it twice
    assert len(table) == 320
    # The authors' two tables differ in one crowd label; the notebook printed from the one that says 2, not 3.
    odd = pl.col("image") == "9cbad505fd8dc2272936df9590b7f7ed.jpg"
    assert table.filter(odd)["s"].to_list() == [3.0]
    table = table.with_columns(s=pl.when(odd).then(2.0).otherwise("s"))
    published = pl.read_csv(Path(__file__).parents[2] / "benchmarks" / "published" / "groh2022.csv")
    assert len(published) == 12
    for a, b, equal, apart, r in published.iter_rows():
        both = table.select(a, b).to_numpy()
        assert agreement(both, resampling=FEW).value == pytest.approx(equal / 320)
        assert agreement(both, within=1, resampling=FEW).value == pytest.approx(1 - apart / 320)
        typed = np.where(both == -1, NAN, both)
        assert correlation(typed[:, 0], typed[:, 1], resampling=FEW).value == pytest.approx(r, abs=1e-12)
