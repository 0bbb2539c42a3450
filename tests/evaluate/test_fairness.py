"""Fairness: the formulas by hand and against fairlearn, who is compared, the intervals, and what changes nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from evaluate_world import predictions, random_world
from hypothesis import given, settings
from hypothesis import strategies as st

from cutis.errors import CutisError
from cutis.evaluate import cells, disparity, unit_sums
from cutis.evaluate.bootstrap import generator, multiplicities
from cutis.evaluate.measure import measure
from cutis.schema.evidence import Disparity, Evidence, Fairness
from cutis.schema.predictions import Predictions

CODES = ("nv", "mel", "bkl")
# Answers of 2 groups x 3 classes: rows are true classes, columns answers, 40 rows a class.
TOY = {
    "A": [[36, 2, 2], [4, 32, 4], [10, 10, 20]],
    "B": [[24, 8, 8], [4, 32, 4], [0, 0, 40]],
}


def column(*values: float) -> np.ndarray:
    """Groups' values as (groups, 1)."""
    return np.array(values, float)[:, None]


def table(groups: dict[str, list[list[int]]], attribute: str = "clinic", **columns: object) -> Predictions:
    """A predictions file with these counts, every row a lesion of its own."""
    p, target, group = [], [], []
    for name, counts in groups.items():
        for true, row in zip(CODES, counts, strict=True):
            for answer, n in enumerate(row):
                p += [np.where(np.arange(3) == answer, 0.8, 0.1)] * n
                target += [true] * n
                group += [name] * n
    return predictions(np.array(p), target, CODES, **{attribute: group}, **columns)


def get(evidence: Evidence, metric: str, code: str | None = None, attribute: str = "clinic") -> Disparity:
    found = evidence.find(metric, code, attribute)
    assert isinstance(found, Disparity), (metric, code)
    return found


def value(evidence: Evidence, metric: str, code: str | None = None, attribute: str = "clinic") -> float:
    found = get(evidence, metric, code, attribute)
    assert found.value is not None, found
    return found.value


def one(evidence: Evidence, attribute: str = "clinic") -> Fairness:
    return next(f for f in evidence.fairness if f.attribute == attribute)


# Formulas


def test_formulas_by_hand() -> None:
    """Two groups, accuracies 0.8 and 0.6; three classes."""
    accuracy = column(0.8, 0.6)
    assert disparity.gap(accuracy) == pytest.approx([0.2])
    assert disparity.nar(accuracy) == pytest.approx([0.2 / (0.7 + 1e-6)], rel=1e-12)
    assert disparity.pqd(accuracy) == pytest.approx([0.75])
    tpr = np.stack([column(0.9, 0.6), column(0.8, 0.8), column(0.5, 1.0)])
    fpr = np.stack([column(0.1, 0.2), column(0.3, 0.1), column(0.0, 0.6)])
    assert disparity.eom(tpr) == pytest.approx([(2 / 3 + 1 + 1 / 2) / 3])
    assert disparity.eod(tpr) == pytest.approx([(0.3 + 0 + 0.5) / 3])
    assert disparity.equalized_odds(tpr, fpr) == pytest.approx([(0.3 + 0.2 + 0.6) / 3])
    called = np.stack([column(0.5, 0.25), column(0.3, 0.5), column(0.2, 0.25)])
    assert disparity.dpm(called) == pytest.approx([(0.5 + 0.6 + 0.8) / 3])
    overall = np.array([0.7])
    assert disparity.equity_scaled(overall, accuracy) == pytest.approx([0.7 / 1.2])
    assert disparity.equity_scaled(overall, accuracy, alpha=2) == pytest.approx([0.7 / 1.4])
    assert disparity.equity_scaled_sd(overall, accuracy) == pytest.approx([0.7 / (1 + 0.02**0.5)])


def test_equity_scaling_takes_fractions_only() -> None:
    """In percent the same table would give 70 / 21 = 3.3 instead of 0.583."""
    for scaled in (disparity.equity_scaled, disparity.equity_scaled_sd):
        with pytest.raises(CutisError, match=r"given 80; expected shares in .*Divide percent by 100"):
            scaled(np.array([70.0]), column(80, 60))


def test_ratio_of_nothing_is_not_a_number_and_one_zero_is_zero() -> None:
    assert np.isnan(disparity.ratio(column(0, 0)))
    assert disparity.ratio(column(0.5, 0)) == [0.0]


def test_the_toy_table_end_to_end() -> None:
    """Accuracy A 88/120, B 96/120; sensitivities 0.9/0.6, 0.8/0.8, 0.5/1; answers 50/28, 44/40, 26/52 of 120."""
    found = measure(table(TOY), by=["clinic"], resamples=60)
    a, b, overall = 88 / 120, 96 / 120, 184 / 240
    assert value(found, "gap_accuracy") == pytest.approx(b - a)
    assert value(found, "worst_accuracy") == pytest.approx(a)
    assert (get(found, "worst_accuracy").worst, get(found, "worst_accuracy").best) == ("A", "B")
    assert value(found, "nar") == pytest.approx((b - a) / ((a + b) / 2 + 1e-6))
    assert value(found, "pqd") == pytest.approx(a / b)
    assert value(found, "es_accuracy") == pytest.approx(overall / (1 + (overall - a) + (b - overall)))
    assert value(found, "es_sd_accuracy") == pytest.approx(overall / (1 + (b - a) / 2**0.5))
    assert value(found, "eom") == pytest.approx((6 / 9 + 1 + 5 / 10) / 3)
    assert value(found, "eod") == pytest.approx((0.3 + 0 + 0.5) / 3)
    assert value(found, "dpm") == pytest.approx((28 / 50 + 40 / 44 + 26 / 52) / 3)
    assert value(found, "gap_sensitivity", "nv") == pytest.approx(0.3)
    # Not nv but called so: 14 of 80 in A, 4 of 80 in B.
    assert value(found, "gap_false_positive_rate", "nv") == pytest.approx(10 / 80)
    assert (get(found, "gap_false_positive_rate", "nv").worst) == "A"
    # False positive rates: nv 14/80, 4/80; mel 12/80, 8/80; bkl 6/80, 12/80.
    assert value(found, "equalized_odds") == pytest.approx((0.3 + 4 / 80 + 0.5) / 3)
    assert value(found, "gap_balanced_accuracy") == pytest.approx(0.8 - (0.9 + 0.8 + 0.5) / 3)
    assert one(found).compared == ["A", "B"]
    assert one(found).left_out == []


# Against fairlearn


@pytest.mark.parametrize("seed", range(3))
def test_random_tables_against_fairlearn(seed: int) -> None:
    pytest.importorskip("fairlearn")
    from fairlearn.metrics import (
        MetricFrame,
        demographic_parity_ratio,
        equal_opportunity_difference,
        equalized_odds_difference,
        false_positive_rate,
        true_positive_rate,
    )
    from sklearn.metrics import accuracy_score, roc_auc_score

    world = random_world(seed, n=900, units=500)
    rows = world.table.filter(pl.col("fitzpatrick_skin_type").is_not_null())
    found = measure(replace(world, table=rows), by=["fitzpatrick_skin_type"], resamples=40)
    tone = rows["fitzpatrick_skin_type"].to_numpy()
    target, predicted = rows["target"].to_numpy(), rows["predicted"].to_numpy()

    def ours(metric: str, code: str | None = None) -> float:
        return value(found, metric, code, "fitzpatrick_skin_type")

    frame = MetricFrame(metrics=accuracy_score, y_true=target, y_pred=predicted, sensitive_features=tone)
    assert ours("gap_accuracy") == pytest.approx(frame.difference(method="between_groups"), abs=1e-12)
    assert ours("pqd") == pytest.approx(frame.ratio(method="between_groups"), abs=1e-12)
    assert ours("worst_accuracy") == pytest.approx(frame.group_min(), abs=1e-12)
    opportunity, odds, parity = [], [], []
    for code in world.codes:
        y, said = target == code, predicted == code
        opportunity.append(equal_opportunity_difference(y, said, sensitive_features=tone))
        odds.append(equalized_odds_difference(y, said, sensitive_features=tone))
        parity.append(demographic_parity_ratio(y, said, sensitive_features=tone))
        for metric, function in (("sensitivity", true_positive_rate), ("false_positive_rate", false_positive_rate)):
            rates = MetricFrame(metrics=function, y_true=y, y_pred=said, sensitive_features=tone)
            assert ours(f"gap_{metric}", code) == pytest.approx(rates.difference(), abs=1e-12)
    assert ours("eod") == pytest.approx(np.mean(opportunity), abs=1e-12)
    assert ours("equalized_odds") == pytest.approx(np.mean(odds), abs=1e-12)
    assert ours("dpm") == pytest.approx(np.mean(parity), abs=1e-12)
    sick = MetricFrame(
        metrics=roc_auc_score, y_true=target == "mel", y_pred=rows["p_mel"].to_numpy(), sensitive_features=tone
    )
    assert ours("gap_auroc", "malignant") == pytest.approx(sick.difference(), abs=1e-12)


# Who is compared


def test_eom_drops_a_class_with_an_empty_cell_and_says_so() -> None:
    """No mel in B: 0 / 0 there makes the whole metric NaN in other code."""
    toy = {"A": TOY["A"], "B": [TOY["B"][0], [0, 0, 0], TOY["B"][2]]}
    found = measure(table(toy), by=["clinic"], resamples=60)
    eom = get(found, "eom")
    assert eom.value == pytest.approx((6 / 9 + 5 / 10) / 2)
    assert eom.low is not None
    assert eom.reason.startswith("over 2 of 3 classes (mel dropped: with under 10 lesions in a group")
    assert get(found, "eod").reason == "over 2 of 3 classes (mel dropped: with under 10 lesions in a group)"
    lost = get(found, "gap_sensitivity", "mel")
    assert lost.value is None
    assert lost.status == "not estimable"
    assert (
        lost.reason == "fewer than two groups have 10 lesions of class mel; nearest is B with 0, where you need 10 more"
    )
    assert value(found, "gap_false_positive_rate", "mel") >= 0


def test_a_class_that_no_group_recognises_is_left_out_of_eom() -> None:
    toy = {"A": [[40, 0, 0], [40, 0, 0], [0, 0, 40]], "B": [[30, 0, 10], [0, 0, 40], [0, 0, 40]]}
    found = measure(table(toy), by=["clinic"], resamples=60)
    assert value(found, "eom") == pytest.approx((0.75 + 1) / 2)
    assert "mel dropped" in get(found, "eom").reason
    assert "mel dropped: answered too rarely" in get(found, "dpm").reason


def test_negatives_are_counted_too() -> None:
    """B holds 40 mel and 5 others: it has a sensitivity, but no false positive rate and no AUROC to compare."""
    toy = {"A": TOY["A"], "B": [[3, 0, 0], [4, 32, 4], [0, 0, 2]]}
    found = measure(table(toy), by=["clinic"], resamples=60)
    assert value(found, "gap_sensitivity", "mel") == pytest.approx(0)
    few = "fewer than two groups have 10 lesions of classes other than mel; nearest is B with 5, where you need 5 more"
    assert get(found, "gap_false_positive_rate", "mel").reason == few
    assert get(found, "gap_auroc", "malignant").value is None
    why = get(found, "equalized_odds").reason
    assert why.startswith(
        "no class has 10 lesions, and 10 of others, in every group; nearest is mel, where B has 5 of other classes and "
        "you need 5 more"
    )


def test_a_group_is_left_out_for_the_side_that_it_lacks() -> None:
    """B has 40 benign lesions and no malignant one: it is not the benign that are missing."""
    toy = {"A": [[18, 2], [3, 17]], "B": [[36, 4], [0, 0]], "C": [[15, 3], [2, 10]]}
    rows = [
        (g, t, p)
        for g, counts in toy.items()
        for t, row in enumerate(counts)
        for p, n in enumerate(row)
        for _ in range(n)
    ]
    p = np.array([[0.8, 0.2] if said == 0 else [0.3, 0.7] for _, _, said in rows])
    world = predictions(p, [("nv", "mel")[t] for _, t, _ in rows], ["nv", "mel"], clinic=[g for g, _, _ in rows])
    found = measure(world, by=["clinic"], resamples=60)
    why = get(found, "equalized_odds").reason
    assert why.endswith("nearest is nv, where B has 0 of other classes and you need 10 more")
    assert get(found, "gap_auroc", "malignant").reason.endswith(
        "that are malignant and as many benign: B (0 malignant)"
    )
    world = replace(world, table=world.table.filter(pl.col("clinic") != "C"))
    why = get(measure(world, by=["clinic"], resamples=60), "gap_auroc", "malignant").reason
    assert why.endswith("nearest is B with 0 malignant, where you need 10 more")


def test_small_and_unknown_groups_are_left_out_and_named() -> None:
    toy = {**TOY, "C": [[3, 1, 0], [0, 3, 0], [0, 0, 2]], "D": [[3, 1, 0], [0, 3, 0], [1, 0, 2]]}
    world = table(toy)
    grouped = world.table.with_columns(pl.col("clinic").replace({"D": None}))
    found = one(measure(replace(world, table=grouped), by=["clinic"], resamples=60))
    assert found.compared == ["A", "B"]
    assert found.left_out == ["C: only 9 lesions; you need 1 more", "unknown: 10 rows, not compared"]
    everyone = one(measure(world, by=["clinic"], resamples=60))
    assert everyone.compared == ["A", "B", "D"]


def test_images_of_one_lesion_are_one() -> None:
    """B has 30 rows of 6 lesions."""
    p = np.tile([0.8, 0.1, 0.1], (60, 1))
    lesion = [f"a{i}" for i in range(30)] + [f"b{i % 6}" for i in range(30)]
    world = predictions(p, ["nv"] * 60, CODES, lesion=lesion, clinic=["A"] * 30 + ["B"] * 30)
    found = one(measure(world, by=["clinic"], resamples=60))
    assert found.left_out == ["B: only 6 lesions; you need 4 more"]
    assert {m.value for m in found.measured} == {None}
    assert (
        found.measured[0].reason == "fewer than two groups have 10 lesions; nearest is B with 6, where you need 4 more"
    )


def test_one_group_and_no_groups() -> None:
    found = one(measure(random_world(0), by=["source"], resamples=60), "source")
    assert {m.reason for m in found.measured} == {"there is only one group; you need another"}
    assert found.tests == []
    assert measure(random_world(0), by=[], resamples=60).fairness == []


def test_intersections_are_groups() -> None:
    found = one(
        measure(random_world(0, n=600, units=300), by=["sex*fitzpatrick_skin_type"], resamples=60),
        "sex*fitzpatrick_skin_type",
    )
    assert found.compared == [f"{s}, {t}" for s in ("female", "male") for t in ("I", "II", "VI")]
    assert [w.split(":")[0] for w in found.left_out] == ["female, unknown", "male, unknown"]
    assert len([t for t in found.tests if t.metric == "accuracy"]) == 15


def test_light_against_dark_pools_three_types_each() -> None:
    """I and III light, V dark: sensitivity to nv (36 + 20) / 80 against 24 / 40."""
    toy = {"I": TOY["A"], "III": [[20, 10, 10], *TOY["A"][1:]], "V": TOY["B"]}
    found = measure(table(toy, "fitzpatrick_skin_type"), by=["fitzpatrick_skin_type"], resamples=60)
    two = get(found, "eod_light_dark", None, "fitzpatrick_skin_type")
    assert two.value == pytest.approx((abs(56 / 80 - 0.6) + 0 + 0.5) / 3)
    assert two.reason == "Fitzpatrick I-III against IV-VI"
    assert value(found, "eod", None, "fitzpatrick_skin_type") == pytest.approx((0.4 + 0 + 0.5) / 3)
    assert measure(table(TOY), by=["clinic"], resamples=60).find("eod_light_dark", None, "clinic") is None


def test_all_right_has_no_interval_but_a_reason() -> None:
    right = [[40, 0, 0], [0, 40, 0], [0, 0, 40]]
    found = measure(table({"A": right, "B": right}), by=["clinic"], resamples=60)
    for metric in ("gap_accuracy", "pqd", "eom", "eod"):
        assert get(found, metric).low is None
        assert "the resamples don't vary" in get(found, metric).reason
    assert {t.p for t in one(found).tests} == {None}
    assert {t.reason for t in one(found).tests} == {"the resamples don't vary"}


def test_a_class_called_malignant_is_not_mixed_up_with_the_question() -> None:
    """Every number of a group is the group's own, whatever the classes are called."""
    world = random_world(2, n=300, units=200, codes=("nv", "mel"))
    names = {"nv": "benign", "mel": "malignant"}
    named = Predictions(
        world.table.rename({"p_nv": "p_benign", "p_mel": "p_malignant"}).with_columns(
            pl.col("target", "predicted").replace(names), set=pl.col("set").list.eval(pl.element().replace(names))
        ),
        world.info.model_copy(
            update={"classes": tuple(c.model_copy(update={"code": names[c.code]}) for c in world.info.classes)}
        ),
    )
    found, same = (measure(w, by=["sex"], resamples=60) for w in (named, world))
    assert [m.value for m in one(found, "sex").measured] == pytest.approx([m.value for m in one(same, "sex").measured])
    for metric, code in (("accuracy", None), ("auroc", "malignant"), ("ece", None)):
        worst = get(found, f"worst_{metric}", code, "sex")
        its = found.find(metric, code, "sex", worst.worst)
        assert its is not None
        assert its.value == pytest.approx(worst.value)


# Intervals


def test_the_interval_is_that_of_a_loop_over_resamples_of_whole_units() -> None:
    """Sex is drawn for each row, so most lesions are in both groups and move both."""
    world = random_world(3, n=400, units=150)
    rows = world.table.sort("image_id")
    found = measure(world, by=["sex"], resamples=50)
    unit = rows["lesion_id"].rank("dense").to_numpy().astype(int) - 1
    first = {u: i for i, u in reversed(list(enumerate(unit)))}
    order = {u: k for k, u in enumerate(sorted(first, key=first.__getitem__))}  # units number themselves as they come
    unit = np.array([order[u] for u in unit])
    right = (rows["target"] == rows["predicted"]).to_numpy()
    sex = rows["sex"].to_numpy()

    def accuracies(times: np.ndarray) -> np.ndarray:
        drawn = np.repeat(np.arange(len(rows)), times[unit].astype(int))
        return np.array([right[drawn][sex[drawn] == s].mean() for s in ("male", "female")])

    weights = np.concatenate(list(multiplicities(generator(0, rows["image_id"].to_list()), unit.max() + 1, 50)), axis=1)
    point = accuracies(np.ones(unit.max() + 1))
    draws = np.array([accuracies(w) for w in weights.T])
    drift = np.abs((draws - point) @ [1, -1])
    size = abs(point[0] - point[1])
    gap = get(found, "gap_accuracy", None, "sex")
    assert gap.value == pytest.approx(size)
    assert gap.low == pytest.approx(np.quantile(np.maximum(size - drift, 0), 0.05))
    assert gap.high == pytest.approx(np.quantile(size + drift, 0.95))
    test = next(t for t in one(found, "sex").tests if t.metric == "accuracy")
    apart = draws[:, 0] - draws[:, 1]
    assert test.difference == pytest.approx(point[0] - point[1])
    assert (test.low, test.high) == (pytest.approx(np.quantile(apart, 0.025)), pytest.approx(np.quantile(apart, 0.975)))


def test_draws_of_an_auroc_are_close_to_those_of_ranking_again() -> None:
    """Two groups with no lesion in common: each group's own resampled AUROC has the same spread."""
    world = random_world(7, n=500, units=200)
    lesion = world.table["lesion_id"].str.slice(1).cast(pl.Int64)
    given = replace(
        world, table=world.table.with_columns(clinic=pl.when(lesion % 2 == 0).then(pl.lit("A")).otherwise(pl.lit("B")))
    )
    found = measure(given, by=["clinic"], resamples=1000)
    test = next(t for t in one(found).tests if t.metric == "auroc")
    alone = [found.find("auroc", "malignant", "clinic", name) for name in "AB"]
    values = [m.value for m in alone if m and m.value is not None]
    assert test.difference == pytest.approx(values[0] - values[1], abs=1e-12)
    widths = [m.high - m.low for m in alone if m and m.high is not None and m.low is not None]
    assert test.high is not None
    assert test.low is not None
    assert test.high - test.low == pytest.approx(np.hypot(*widths), rel=0.08)


def test_bounds_hold_the_value_and_order() -> None:
    found = measure(random_world(1, n=800, units=400), resamples=60)
    seen = [m for f in found.fairness for m in f.measured if m.low is not None]
    assert len(seen) > 50
    for m in seen:
        assert m.value is not None
        assert m.high is not None
        assert m.low is not None
        assert 0 <= m.low <= m.value <= m.high
        assert m.high <= 1 or m.metric == "nar"


def drawn(rng: np.random.Generator, truth: list[float], lesions: int, photographs: int) -> tuple[float, float]:
    """Interval of the gap in accuracy of groups of lesions, whose photographs are alike."""
    point, draws = [], []
    for p in truth:
        easy = rng.beta(p, 1 - p, lesions)  # correlation 1/2 within a lesion
        right = rng.binomial(photographs, easy)
        point.append(right.mean() / photographs)
        weights = next(multiplicities(rng, lesions, 300))
        draws.append(right @ weights / (lesions * photographs))
    low, high = disparity.spread_bounds(np.array(point)[:, None], np.array(draws))
    return float(np.quantile(low, 0.05)), float(np.quantile(high, 0.95))


@pytest.mark.slow
@pytest.mark.parametrize("truth", [[0.8] * 6, [0.8, 0.8], [0.9, 0.7], [0.85, 0.8, 0.8, 0.6]])
def test_interval_of_a_gap_covers_it_even_where_there_is_none(truth: list[float]) -> None:
    """A percentile interval of the resampled gaps never holds the truth 0 of six groups that are alike."""
    rng = np.random.default_rng(0)
    gap = max(truth) - min(truth)
    inside = [low <= gap <= high for low, high in (drawn(rng, truth, 80, 3) for _ in range(500))]
    assert np.mean(inside) >= 0.93


# Tests of pairs


def test_a_real_difference_is_found_and_its_adjusted_p_is_larger() -> None:
    toy = {"A": TOY["A"], "B": [[0, 20, 20], [10, 20, 10], [20, 20, 0]], "C": TOY["A"]}
    tests = {
        (t.group, t.other): t
        for t in one(measure(table(toy), by=["clinic"], resamples=200)).tests
        if t.metric == "accuracy"
    }
    assert tests["A", "B"].p_holm < 0.001  # type: ignore[operator]
    assert tests["A", "C"].p == pytest.approx(1.0)
    for t in tests.values():
        assert t.p is not None
        assert t.p_holm is not None
        assert t.p_bh is not None
        assert t.p <= t.p_bh <= t.p_holm <= 1


# What changes nothing


def rows_of(evidence: Evidence, group: str) -> list[tuple[object, ...]]:
    return [
        (m.metric, m.class_code, m.value, m.low, m.high, m.n, m.reason) for m in evidence.measured if m.group == group
    ]


def disparities(evidence: Evidence) -> list[tuple[object, ...]]:
    return [(m.metric, m.class_code, m.n, m.value, m.low, m.high) for m in one(evidence).measured]


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_permuting_renaming_and_dropping_groups(seed: int, random) -> None:
    """Rows of a group never change; disparities don't depend on the order of rows or groups, nor on their names."""
    rng = np.random.default_rng(seed)
    world = random_world(seed, n=240, units=120)
    clinics = rng.choice(["A", "B", "C"], 240)  # most lesions are in several
    given = replace(world, table=world.table.with_columns(clinic=pl.Series(clinics)))
    full = measure(given, by=["clinic"], resamples=40)

    order = list(range(240))
    random.shuffle(order)
    shuffled = measure(replace(given, table=given.table[order]), by=["clinic"], resamples=40)
    assert shuffled.fairness == full.fairness

    names = {"A": "z", "B": "A", "C": "B"}
    renamed = measure(
        replace(given, table=given.table.with_columns(pl.col("clinic").replace(names))), by=["clinic"], resamples=40
    )
    for old, new in names.items():
        assert rows_of(renamed, new) == rows_of(full, old)
    for a, b in zip(disparities(renamed), disparities(full), strict=True):
        assert a[:3] == b[:3]
        assert a[3:] == pytest.approx(b[3:])
    worst = get(renamed, "worst_accuracy")
    its = renamed.find("accuracy", None, "clinic", worst.worst)
    assert its is not None
    assert its.value == worst.value

    without = replace(given, table=given.table.filter(pl.col("clinic") != "C"))
    dropped = measure(without, by=["clinic"], resamples=40)
    for name in ("A", "B"):
        assert rows_of(dropped, name) == rows_of(full, name)


@pytest.mark.parametrize("most", [0, 20_000])
def test_groups_computed_in_several_rounds_are_the_same(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """As with millions of rows, whose sums are not all held at once."""
    world = random_world(3)
    at_once = measure(world, by=["sex", "source"], resamples=60).fairness
    monkeypatch.setattr(cells, "_MOST_HELD", most)
    assert measure(world, by=["sex", "source"], resamples=60).fairness == at_once


def test_sums_by_unit_are_the_same_by_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    unit = np.append(rng.integers(0, 50, 300), 49)
    columns = [rng.random(301) < 0.5, rng.random(301), np.where(unit < 3, 1.5, 0.0), np.ones(301, bool)]
    weights = rng.integers(0, 4, (50, 7)).astype(float)
    expected = np.stack([np.bincount(unit, c, 50) for c in columns]) @ weights
    for size in (128_000_000, 8 * 4 * 7):
        monkeypatch.setattr(unit_sums, "_SPAN_BYTES", size)
        sums = unit_sums.UnitSums(unit, 50)
        assert [sums.add(c) for c in columns] == [0, 1, 2, 3]
        assert sums.add(columns[1].copy()) == 1
        np.testing.assert_allclose(sums.weighted(weights), expected, rtol=1e-12)
    assert sums.nbytes < 4 * 50 * 8
