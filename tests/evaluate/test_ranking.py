"""Models of equal accuracy, ranked by what they lose."""

from __future__ import annotations

import numpy as np
import pytest

from cutis.errors import CutisError
from cutis.evaluate.ranking import rank_by_robustness
from cutis.evaluate.resampled import Resampling
from cutis.schema.estimate import side

TARGET = ["mel"] * 10 + ["nv"] * 30


def said_of(wrong_mel: int, wrong_nv: int) -> list[str]:
    """As `TARGET`, with so many of each wrong."""
    return ["nv"] * wrong_mel + ["mel"] * (10 - wrong_mel) + ["mel"] * wrong_nv + ["nv"] * (30 - wrong_nv)


def test_equal_models_are_ranked_by_their_loss_and_a_worse_one_is_not():
    models = {
        "fragile": (said_of(1, 3), said_of(6, 12)),  # 0.9 and 0.9 clean; 0.4 and 0.6 changed
        "steady": (said_of(1, 3), said_of(2, 6)),  # 0.8 and 0.8 changed
        "poor": (said_of(5, 15), said_of(5, 15)),
    }
    first, second, third = rank_by_robustness(models, TARGET)
    assert [r.name for r in (first, second, third)] == ["steady", "fragile", "poor"]
    assert [r.rank for r in (first, second, third)] == [1, 2, None]
    assert first.clean.value == pytest.approx(0.9)
    assert first.lost.value == pytest.approx(0.1)
    assert second.lost.value == pytest.approx(0.4)
    assert third.lost.value == pytest.approx(0.0)
    assert third.behind.value == pytest.approx(0.4)
    assert second.lost.low is not None
    assert second.lost.low > 0
    assert second.more.value == pytest.approx(0.3)
    assert side(second.more, 0.0) == "above"


def test_a_rank_is_not_a_difference():
    """The second loses a little more here; its interval says that this is not shown, and of a few pictures nothing."""
    models = {"a": (said_of(1, 3), said_of(3, 9)), "b": (said_of(1, 3), said_of(3, 8))}
    second = rank_by_robustness(models, TARGET)[1]
    assert second.rank == 2
    assert second.more.value == pytest.approx(1 / 60)
    assert side(second.more, 0.0) == "holds"
    few = {name: tuple(said[6:14] for said in both) for name, both in models.items()}
    assert side(rank_by_robustness(few, TARGET[6:14], margin=1.0)[1].more, 0.0) == "unknown"


def test_units_are_redrawn_whole():
    models = {"a": (said_of(1, 3), said_of(6, 12)), "b": (said_of(1, 3), said_of(2, 6))}
    patients = [i // 4 for i in range(40)]
    alone = rank_by_robustness(models, TARGET)[1].lost
    whole = rank_by_robustness(models, TARGET, resampling=Resampling(groups=patients, unit="patient"))[1].lost
    assert whole.value == alone.value
    assert whole.n_units == 10
    assert alone.n_units == 40


def test_bad_input():
    fine = (said_of(0, 0), said_of(1, 1))
    with pytest.raises(CutisError, match="1 models; two or more"):
        rank_by_robustness({"a": fine}, TARGET)
    with pytest.raises(CutisError, match="b: 3 changed answers for 40 pictures"):
        rank_by_robustness({"a": fine, "b": (said_of(0, 0), ["nv"] * 3)}, TARGET)
    with pytest.raises(CutisError, match=r"margin is 2; expected 0\.\.1"):
        rank_by_robustness({"a": fine, "b": fine}, np.array(TARGET), margin=2)
