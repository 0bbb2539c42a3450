"""Adjusted p-values, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cutis.evaluate.multiplicity import benjamini_hochberg, holm, p_value


def test_adjustments_by_hand() -> None:
    p = [0.01, 0.04, 0.03, 0.005]
    assert holm(p) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert benjamini_hochberg(p) == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert holm([]) == benjamini_hochberg([]) == []
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def test_p_value_is_students() -> None:
    """Draws with standard deviation 2: a difference of 4 is t = 2; with 10 degrees p = 0.0734 (any t table)."""
    draws = np.array([-2.0, 2.0] * 500) * np.sqrt(999 / 1000)
    assert p_value(4.0, draws, 10) == pytest.approx(0.07339, abs=1e-4)
    assert p_value(-4.0, np.append(draws, np.nan), 10) == pytest.approx(0.07339, abs=1e-4)
    assert p_value(0.0, draws, 10) == pytest.approx(1.0)
    assert p_value(0.1, np.full(100, 0.1), 10) is None
