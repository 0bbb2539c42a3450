"""Predictive values, number needed to biopsy and net benefit, from the tables of counts."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_world import predictions, random_world

from cutis.errors import CutisError
from cutis.evaluate.decision import THRESHOLDS
from cutis.evaluate.measure import measure
from cutis.schema.evidence import Evidence


def value(found: Evidence, metric: str) -> float:
    m = found.find(metric, "malignant")
    assert m is not None, metric
    assert m.value is not None, m.reason
    return m.value


# 100 images: 20 malignant, of which 16 flagged; 80 benign, of which 24 flagged.
SCORE = [0.7] * 16 + [0.2] * 4 + [0.7] * 24 + [0.2] * 56
WORLD = predictions(
    np.column_stack([1 - np.array(SCORE), SCORE]), ["mel"] * 20 + ["nv"] * 80, ["nv", "mel"], points={"a": 0.5}
)


def test_values_at_the_datas_own_prevalence() -> None:
    found = measure(WORLD, by=[], resamples=100)
    assert value(found, "prevalence") == pytest.approx(0.2)
    assert value(found, "ppv_at_point_a") == pytest.approx(16 / 40)
    assert value(found, "npv_at_point_a") == pytest.approx(56 / 60)
    assert value(found, "nnb_at_point_a") == pytest.approx(2.5)
    assert found.find("nnb_at_point_a", "malignant").low is not None  # type: ignore[union-attr]
    assert found.find("ppv_at_prevalence_0.02_at_point_a", "malignant") is None


def test_values_at_a_stated_prevalence_are_bayes() -> None:
    """Sensitivity 0.8, specificity 0.7, 2 of 100 malignant: PPV = 0.016 / (0.016 + 0.294)."""
    found = measure(WORLD, by=[], resamples=100, prevalence=0.02)
    at = "_at_prevalence_0.02_at_point_a"
    assert value(found, f"ppv{at}") == pytest.approx(0.016 / 0.310)
    assert value(found, f"npv{at}") == pytest.approx(0.686 / 0.690)
    assert value(found, f"nnb{at}") == pytest.approx(0.310 / 0.016)
    assert value(found, f"accuracy{at}") == pytest.approx(0.016 + 0.686)
    assert value(found, "ppv_at_point_a") == pytest.approx(0.4)  # the data's own stays
    again = measure(WORLD, by=[], resamples=100, prevalence=0.2)
    assert value(again, "ppv_at_prevalence_0.2_at_point_a") == pytest.approx(0.4)


def test_net_benefit_is_the_papers() -> None:
    found = measure(WORLD, by=[], resamples=100)
    assert value(found, "net_benefit_at_0.50") == pytest.approx(16 / 100 - 24 / 100)
    assert value(found, "net_benefit_at_0.20") == pytest.approx(20 / 100 - 80 / 100 * 0.25)  # all reach 0.2
    assert value(found, "net_benefit_at_0.25") == pytest.approx(16 / 100 - 24 / 100 / 3)
    assert value(found, "net_benefit_at_0.90") == 0.0  # nobody is flagged
    stated = measure(WORLD, by=[], resamples=100, prevalence=0.02)
    assert value(stated, "net_benefit_at_0.25") == pytest.approx(0.8 * 0.02 - 0.3 * 0.98 / 3)


def test_net_benefit_against_a_naive_loop_and_below_the_best_possible() -> None:
    world = random_world(4)
    found = measure(world, by=[], resamples=40)
    case, score = (world.table["target"] == "mel").to_numpy(), world.table["p_mel"].to_numpy()
    for t in THRESHOLDS:
        called = score >= t
        expected = (called & case).mean() - (called & ~case).mean() * t / (1 - t)
        assert value(found, f"net_benefit_at_{t:.2f}") == pytest.approx(expected, abs=1e-12)
        assert value(found, f"net_benefit_at_{t:.2f}") <= case.mean() + 1e-12


def test_nobody_flagged_is_not_estimable_with_the_reason() -> None:
    found = measure(predictions(np.full((40, 2), 0.5), ["nv", "mel"] * 20, ["nv", "mel"], points={"a": 0.9}))
    nnb = found.find("nnb_at_point_a", "malignant")
    assert nnb is not None
    assert (nnb.value, nnb.reason) == (None, "no malignant lesion is flagged")
    assert found.find("ppv_at_point_a", "malignant").value is None  # type: ignore[union-attr]


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -0.1, 2.0, float("nan")])
def test_a_prevalence_that_is_none(prevalence: float) -> None:
    with pytest.raises(CutisError, match="expected a share between 0 and 1"):
        measure(WORLD, prevalence=prevalence)
