"""Operating points, against hand work."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutis.bundle.calibrate import operating_point


def test_operating_point_by_hand():
    """Ten malignant at 0.1..1.0: 90 % of them are at or above 0.2; four of the six benign are below."""
    p = np.array([*np.arange(1, 11) / 10, 0.05, 0.1, 0.15, 0.19, 0.2, 0.9])
    point = operating_point(p, np.arange(16) < 10, 0.9)
    assert (point.threshold, point.sensitivity, point.n) == (0.2, 0.9, 16)
    assert point.specificity == pytest.approx(4 / 6)
    assert operating_point(p, np.arange(16) < 10, 0.95).sensitivity == 1.0


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=60), st.floats(0.05, 1))
def test_operating_point_keeps_its_sensitivity(rows: list[tuple[float, bool]], sensitivity: float):
    p, sick = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    if sick.any() and not sick.all():
        point = operating_point(p, sick, sensitivity)
        assert (p[sick] >= point.threshold).mean() == point.sensitivity >= sensitivity - 1e-9
        higher = p[sick][p[sick] > point.threshold]
        assert len(higher) / sick.sum() < sensitivity  # the next threshold up would miss it
