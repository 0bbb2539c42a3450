"""DeLong's variance against its definition, case by case, and when its interval is used."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_world import predictions

from cutis.evaluate.delong import delong_interval, delong_variance
from cutis.evaluate.measure import measure


def naive(score: np.ndarray, case: np.ndarray) -> tuple[float, float]:
    """Structural components by comparing every case with every non-case (DeLong et al. 1988, equation 4)."""
    sick, well = score[case], score[~case]
    psi = (sick[:, None] > well).astype(float) + 0.5 * (sick[:, None] == well)
    v10, v01 = psi.mean(1), psi.mean(0)
    s10 = ((v10 - psi.mean()) ** 2).sum() / (len(sick) - 1)
    s01 = ((v01 - psi.mean()) ** 2).sum() / (len(well) - 1)
    return float(psi.mean()), float(s10 / len(sick) + s01 / len(well))


@pytest.mark.parametrize("digits", [0, 1, 9])
@pytest.mark.parametrize("seed", range(3))
def test_fast_form_is_the_definition(seed: int, digits: int) -> None:
    rng = np.random.default_rng(seed)
    case = rng.random(90) < 0.3
    score = np.round(rng.normal(size=90) + case, digits)
    assert delong_variance(score, case) == pytest.approx(naive(score, case), abs=1e-12)


def test_worked_by_hand() -> None:
    """Cases 3, 1; others 2, 0: each pair but one in order. Components 1, 1/2 and 1/2, 1: variance 1/8 / 2 twice."""
    assert delong_variance(np.array([3.0, 1, 2, 0]), np.array([True, True, False, False])) == (0.75, 0.125)


def test_no_interval_where_there_is_no_spread() -> None:
    case = np.arange(20) < 10
    assert delong_interval(-np.arange(20.0), case, 0.95) is None
    assert delong_interval(np.zeros(20), case, 0.95) is None
    assert delong_interval(np.arange(20.0), np.arange(20) < 1, 0.95) is None


def test_interval_covers() -> None:
    """Normal scores one apart: AUROC is Phi(1 / sqrt 2) = 0.7602. About 95 of 100 intervals hold it."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(600):
        case = np.arange(120) < 40
        limits = delong_interval(rng.normal(size=120) + case, case, 0.95)
        assert limits is not None
        inside += limits[0] <= 0.76025 <= limits[1]
    assert 0.93 <= inside / 600 <= 0.97


def test_used_only_where_no_identity_is_known() -> None:
    rng = np.random.default_rng(1)
    p = rng.dirichlet([2, 2], 80)
    target = ["nv", "mel"] * 40
    bare = measure(predictions(p, target, ["nv", "mel"], lesion=[None] * 80), resamples=60).find("auroc", "malignant")
    limits = delong_interval(p[:, 1], np.array(target) == "mel", 0.95)
    assert bare is not None
    assert (bare.low, bare.high) == limits
    assert "DeLong" in bare.reason
    known = predictions(p, target, ["nv", "mel"])
    for unit in (None, "image"):
        found = measure(known, resamples=60, unit=unit).find("auroc", "malignant")
        assert found is not None
        assert "DeLong" not in found.reason
        assert found.low is not None
        assert found.low != bare.low
