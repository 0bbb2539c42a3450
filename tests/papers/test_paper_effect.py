"""The paired effect and its verdict, where the answer is known."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cutis.errors import CutisError
from cutis.papers.metrics import mean_of
from cutis.papers.trial import Effect, effect, level, mean_of_seeds

METRIC = mean_of("right", "share right")


def tables(shares: list[float], n: int = 400, seed: int = 0) -> list[pl.DataFrame]:
    """One a seed: a row is right where its own fixed luck is below the share, so that arms are paired by row."""
    luck = np.random.default_rng(seed).random(n)
    return [pl.DataFrame({"unit": np.arange(n) // 2, "right": luck < share}) for share in shares]


def test_a_real_gain_holds_and_a_loss_is_contradicted() -> None:
    found = effect(METRIC, tables([0.6, 0.61, 0.6]), tables([0.8, 0.8, 0.81]))
    assert found.before == pytest.approx(0.6, abs=0.06)
    assert found.value == pytest.approx(found.after - found.before)
    assert found.low is not None
    assert 0 < found.low < found.value
    assert found.verdict("higher") == "holds"
    assert found.verdict("lower") == "contradicted"
    assert found.units == 200


def test_no_difference_is_not_shown() -> None:
    found = effect(METRIC, tables([0.6, 0.65, 0.55]), tables([0.61, 0.6, 0.6]))
    assert found.verdict("higher") == found.verdict("lower") == "not shown"


def test_one_seed_has_no_interval_and_shows_nothing() -> None:
    found = effect(METRIC, tables([0.5]), tables([0.9]))
    assert (found.low, found.high) == (None, None)
    assert found.verdict("higher") == "no interval"  # which is no result, as "not shown" is


@pytest.mark.parametrize(("seeds", "spread"), [(3, 0.02), (3, 0.2), (5, 0.2), (5, 1.0)])
def test_the_interval_covers_at_its_level(seeds: int, spread: float) -> None:
    """Seeds and rows both drawn: the true difference lies inside about 95 times in 100, whichever varies more."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        values = rng.normal(0.0, 1.0, 60)[None] + rng.normal(0.0, spread, seeds)[:, None]

        def mean(weights: np.ndarray, values: np.ndarray = values) -> np.ndarray:
            return (values @ weights) / weights.sum(0)

        found = mean_of_seeds(mean, np.arange(60))
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= 0 <= found.high
    assert 178 <= inside <= 198


def test_degrees_of_freedom_are_between_the_seeds_and_the_units() -> None:
    """By hand: two seeds 0.8 apart of 11 units that all say the same leave one degree of freedom, t = 12.706."""
    apart = mean_of_seeds(lambda w: np.array([[0.1], [0.9]]) * np.ones(w.shape[1]), np.arange(11))
    assert apart.high is not None
    assert apart.high - apart.value == pytest.approx(12.7062 * 0.4, rel=1e-4)

    alike = mean_of_seeds(lambda w: np.full((2, w.shape[1]), 0.5), np.arange(11))
    assert (alike.low, alike.high) == (0.5, 0.5)


def test_arms_looked_at_on_other_rows_are_refused() -> None:
    other = [t.with_columns(pl.col("unit") + 1) for t in tables([0.8])]
    with pytest.raises(CutisError, match="not looked at on the same rows"):
        effect(METRIC, tables([0.6]), other)


def test_level_is_the_metric_itself() -> None:
    found = level(METRIC, tables([0.5, 0.7]))
    assert found.value == pytest.approx(np.mean(found.by_seed))
    assert len(found.by_seed) == 2


def test_the_side_of_zero_decides() -> None:
    def made(low: float | None, high: float | None) -> Effect:
        return Effect(0.0, low, high, (), "m", 0.0, 0.0, 1)

    assert made(0.01, 0.2).verdict("higher") == "holds"
    assert made(-0.2, -0.01).verdict("higher") == "contradicted"
    assert made(-0.2, -0.01).verdict("lower") == "holds"
    assert made(-0.2, 0.01).verdict("lower") == "not shown"
    assert made(None, None).verdict("lower") == "no interval"
