"""The interval: what it may depend on, and that it covers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from evaluate_world import predictions, random_world
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from cutis.evaluate.bootstrap import exact_limit, generator, interval, multiplicities
from cutis.evaluate.measure import measure
from cutis.schema.evidence import Evidence, Measured
from cutis.schema.predictions import Predictions


def numbers(evidence: Evidence, group: str | None = None) -> list[tuple[object, ...]]:
    return [
        (m.metric, m.class_code, m.value, m.low, m.high, m.n, m.n_units, m.status, m.reason)
        for m in evidence.measured
        if m.group == group
    ]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_order_of_rows_changes_nothing(seed: int, random) -> None:
    world = random_world(seed, n=80, units=30)
    rows = list(range(80))
    random.shuffle(rows)
    shuffled = replace(world, table=world.table[rows])
    first, second = measure(world, resamples=40), measure(shuffled, resamples=40)
    assert first.model_dump(exclude={"created"}) == second.model_dump(exclude={"created"})


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_dropping_or_renaming_other_groups_never_changes_a_group(seed: int) -> None:
    world = random_world(seed, n=150, units=60)
    table = world.table.with_columns(clinic=pl.lit("A").repeat_by(1).list.first())
    lesion = table["lesion_id"].str.slice(1).cast(pl.Int64)
    table = table.with_columns(clinic=pl.Series(["ABC"[v % 3] for v in lesion]))
    full = measure(replace(world, table=table), by=["clinic"], resamples=50)
    alone = measure(replace(world, table=table.filter(pl.col("clinic") == "A")), by=["clinic"], resamples=50)
    assert numbers(full, "A") == numbers(alone, "A")
    renamed = table.with_columns(pl.col("clinic").replace({"A": "zebra", "B": "A"}))
    again = measure(replace(world, table=renamed), by=["clinic"], resamples=50)
    assert numbers(full, "A") == numbers(again, "zebra")
    assert numbers(full, "B") == numbers(again, "A")


def test_dropping_a_group_that_shares_units_changes_nothing_either() -> None:
    """Sex is drawn for each row here, so most lesions lie in both groups."""
    world = random_world(5)
    alone = replace(world, table=world.table.filter(pl.col("sex") == "female"))
    full = measure(world, by=["sex"], resamples=60)
    assert numbers(full, "female") == numbers(measure(alone, by=["sex"], resamples=60), "female")


def test_a_group_of_all_rows_is_the_table() -> None:
    found = measure(random_world(1), by=["source"], resamples=60)
    whole = {(n[0], n[1]): n for n in numbers(found)}
    for number in numbers(found, "here"):
        of_all = whole[number[0], number[1]]
        assert of_all[5:] == number[5:]
        # Summed in another order among more columns.
        assert of_all[2:5] == pytest.approx(number[2:5], rel=1e-12, abs=1e-12)


def test_seed_decides() -> None:
    world = random_world(2)
    assert numbers(measure(world, seed=1, resamples=80)) == numbers(measure(world, seed=1, resamples=80))
    assert numbers(measure(world, seed=1, resamples=80)) != numbers(measure(world, seed=2, resamples=80))


def test_draws_do_not_depend_on_how_many_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_draws() -> np.ndarray:
        return np.concatenate(list(multiplicities(generator(0, ["a"]), 37, 50)), axis=1)

    whole = all_draws()
    assert whole.shape == (37, 50)
    assert (whole.sum(0) == 37).all()
    for chunk in (37, 37 * 7, 37 * 50):
        monkeypatch.setattr("cutis.evaluate.bootstrap._CHUNK", chunk)
        assert np.array_equal(all_draws(), whole)


def test_multiplicities_are_multinomial() -> None:
    """Each unit's count has mean 1 and variance 1 - 1/U; two units' covariance is -1/U."""
    counts = np.concatenate(list(multiplicities(np.random.default_rng(0), 20, 20_000)), axis=1)
    covariance = np.cov(counts)
    expected = np.where(np.eye(20, dtype=bool), 1 - 1 / 20, -1 / 20)
    assert np.abs(counts.mean(1) - 1).max() < 0.04
    assert np.abs(covariance - expected).max() < 0.06


def test_unit_moves_together_so_copies_add_nothing() -> None:
    """Every row 8 times in its lesion: the interval is as wide as with one row each, and far narrower by image."""
    rng = np.random.default_rng(0)
    right = rng.random(80) < 0.7
    p = np.where(right[:, None], [0.8, 0.2], [0.3, 0.7])
    lesions = [f"l{i}" for i in range(80)]
    copies = predictions(np.repeat(p, 8, 0), ["nv"] * 640, ["nv", "mel"], lesion=np.repeat(lesions, 8).tolist())

    def width(m: Measured | None) -> float:
        assert m is not None
        assert m.low is not None
        assert m.high is not None
        return m.high - m.low

    one = width(measure(predictions(p, ["nv"] * 80, ["nv", "mel"], lesion=lesions)).find("accuracy"))
    many = measure(copies)
    images = measure(copies, unit="image")
    assert width(many.find("accuracy")) == pytest.approx(one, rel=0.15)
    assert width(images.find("accuracy")) == pytest.approx(one / np.sqrt(8), rel=0.15)
    assert (many.unit, images.unit) == ("lesion", "image")
    assert many.counts.units == 80
    assert images.counts.units == 640
    assert any("Unit: image, as asked" in n for n in images.notes)
    assert not any("Unit: image" in n for n in many.notes)


def clustered(rng: np.random.Generator, units: int, rows: int, name: int) -> Predictions:
    """Lesions whose photographs are nearly all right or nearly all wrong; accuracy is 0.7 in truth."""
    easy = rng.beta(0.7 * 0.5, 0.3 * 0.5, units)  # correlation within a lesion: 1 / (1 + 0.5)
    right = rng.random((units, rows)) < easy[:, None]
    p = np.where(right.reshape(-1, 1), [0.8, 0.2], [0.3, 0.7])
    lesion = np.repeat([f"l{i}" for i in range(units)], rows).tolist()
    ids = [f"{name}-{i}" for i in range(units * rows)]  # of its own, or every dataset would get the same draws
    return predictions(p, ["nv"] * units * rows, ["nv", "mel"], lesion=lesion, ids=ids)


def coverage(datasets: int, resamples: int, unit: str | None) -> float:
    rng = np.random.default_rng(11)
    inside = 0
    for name in range(datasets):
        found = measure(clustered(rng, 60, 5, name), by=[], resamples=resamples, unit=unit).find("accuracy")
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= 0.7 <= found.high
    return inside / datasets


def test_interval_covers_by_lesion_and_would_not_by_row() -> None:
    """95 % intervals on 100 datasets: about 0.93 hold the truth by lesion (60 lesions), about 0.7 by image."""
    assert coverage(100, 100, None) >= 0.86
    assert coverage(100, 100, "image") <= 0.80


@pytest.mark.long
def test_interval_covers_over_many_datasets() -> None:
    assert 0.925 <= coverage(1500, 500, None) <= 0.965
    assert coverage(1500, 500, "image") <= 0.75


@pytest.mark.parametrize("n", [10, 37, 500])
def test_exact_limit_is_scipys(n: int) -> None:
    assert exact_limit(n, 0.95) == pytest.approx(binomtest(0, n).proportion_ci(0.95, method="exact").high, rel=1e-6)


def test_undefined_resamples() -> None:
    values = np.arange(100, dtype=float)
    values[:5] = np.nan
    assert interval(values, 0.9) == (pytest.approx(5 + 0.05 * 94), pytest.approx(5 + 0.95 * 94))
    values[5] = np.nan
    assert "6.0 % of the resamples" in str(interval(values, 0.9))
