"""Thresholds by group: error rates come together, and what can't be fitted is said."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cutis.errors import CutisError
from cutis.papers.equalised_odds import equalised_odds, one_threshold

pytest.importorskip("fairlearn")


def drawn(n: int, seed: int) -> pl.DataFrame:
    """Scores of dark skin are lower and say less."""
    rng = np.random.default_rng(seed)
    dark, sick = rng.random(n) < 0.4, rng.random(n) < 0.5
    score = np.where(dark, -1.2 + 1.5 * sick, -0.5 + 2.5 * sick) + rng.normal(0, 1, n)
    return pl.DataFrame(
        {
            "unit": np.arange(n),
            "tone": np.where(dark, "dark", "light").tolist(),
            "malignant": sick,
            "p_malignant": 1 / (1 + np.exp(-score)),
        }
    )


def rates(table: pl.DataFrame) -> dict[tuple[str, bool], float]:
    said = (pl.col("predicted") == "malignant").mean()
    return {(t, m): r for t, m, r in table.group_by("tone", "malignant").agg(said).iter_rows()}


def apart(table: pl.DataFrame) -> float:
    """The larger difference of the groups' true and false positive rates."""
    found = rates(table)
    return max(abs(found["dark", m] - found["light", m]) for m in (True, False))


def test_the_groups_rates_come_together():
    fit, test = drawn(4000, 0), drawn(4000, 1)
    before, after = one_threshold(fit, test, "tone"), equalised_odds(fit, test, "tone")
    assert apart(before) > 0.25
    assert apart(after) < 0.08
    assert set(after["predicted"]) == {"malignant", "benign"}
    assert after["target"].to_list() == ["malignant" if m else "benign" for m in test["malignant"]]
    assert equalised_odds(fit, test, "tone")["predicted"].equals(after["predicted"])  # the dice are seeded


def test_one_threshold_is_the_best_on_what_it_was_fitted_to():
    fit = pl.DataFrame(
        {"tone": list("abab"), "malignant": [False, False, True, True], "p_malignant": [0.1, 0.3, 0.6, 0.9]}
    )
    found = one_threshold(fit, fit, "tone")
    assert found["predicted"].to_list() == ["benign", "benign", "malignant", "malignant"]


def test_what_cannot_be_fitted():
    fit = drawn(200, 0)
    with pytest.raises(CutisError, match="one group only"):
        equalised_odds(fit.filter(tone="dark"), fit, "tone")
    with pytest.raises(CutisError, match='"dark" lacks malignant or benign'):
        equalised_odds(fit.filter(~((pl.col("tone") == "dark") & pl.col("malignant"))), fit, "tone")
    with pytest.raises(CutisError, match='nothing was fitted for "other"'):
        equalised_odds(fit, fit.with_columns(tone=pl.lit("other")), "tone")


def test_unknown_groups_are_left_out():
    fit = drawn(200, 0)
    gone = fit.with_columns(tone=pl.when(pl.col("unit") < 50).then(None).otherwise(pl.col("tone")))
    assert len(equalised_odds(fit, gone, "tone")) == 150
