"""Effects and verdicts, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cutis.audit.counterfactual import Answers, Change, Tolerance, effects, judge
from cutis.errors import CutisError
from cutis.schema.classes import ClassInfo
from cutis.schema.dossier import CounterfactualRow
from cutis.schema.estimate import Estimate

A, B, C = (ClassInfo(code=c, name=c, malignant=m) for c, m in (("a", True), ("b", False), ("c", None)))


def made(before: list[float], after: list[float | None], target: list[str | None], unit: list[int] | None = None):
    """Answers of two classes, a (malignant) and b, from p(a) before and after one change; None is out of trust."""
    p = np.array([[v, 1 - v] for v in before])
    q = np.array([[np.nan, np.nan] if v is None else [v, 1 - v] for v in after])
    n = len(before)
    return Answers(
        world="phantom",
        classes=(A, B),
        changes=(Change("tone", -30.0),),
        ids=[f"i{i:03}" for i in range(n)],
        unit=np.array(unit or range(n)),
        unit_name="lesion",
        target=target,
        before=p,
        after=q[None],
    )


def test_shift_distance_and_flips_by_hand() -> None:
    before = [0.1, 0.2, 0.6, 0.9, 0.4, 0.3]
    after = [0.3, 0.1, 0.4, 0.9, None, 0.7]
    rows = effects(made(before, after, ["a", "a", "b", None, "b", None]), resamples=100)
    whole, a, b = rows
    assert [r.group for r in rows] == ["all", "a", "b"]
    assert (whole.n, whole.outside_trust, whole.change, whole.value, whole.unit) == (
        5,
        1,
        "tone to ITA -30",
        -30,
        "ITA",
    )
    # +0.2, -0.1, -0.2, 0, +0.4; the third and the last change sides of 0.5
    assert whole.shift.value == pytest.approx(0.3 / 5)
    assert whole.distance.value == pytest.approx(0.9 / 5)
    assert whole.flips.value == pytest.approx(2 / 5)
    assert whole.shift.low is None  # 5 lesions: a value, no interval
    # Unknown truth: the class first answered. The fourth counts as a, the last as b; one b is out of trust.
    assert (a.n, a.outside_trust, b.n, b.outside_trust) == (3, 0, 2, 1)
    assert a.shift.value is None
    assert "only 3 lesions" in a.shift.reason


def width(found: Estimate) -> float:
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def test_intervals_resample_units_not_images() -> None:
    """Ten lesions of forty equal images know as much as ten images."""
    rng = np.random.default_rng(0)
    delta = rng.normal(0.1, 0.05, 10)
    once = effects(made([0.5] * 10, (0.5 + delta).tolist(), ["b"] * 10), resamples=2000)[0].shift
    often = effects(
        made([0.5] * 400, np.repeat(0.5 + delta, 40).tolist(), ["b"] * 400, np.repeat(range(10), 40).tolist()),
        resamples=2000,
    )[0].shift
    assert often.n_units == once.n_units == 10
    assert width(often) == pytest.approx(width(once), rel=0.1)
    # The standard error of a mean of ten: a percentile interval of it.
    assert width(once) == pytest.approx(2 * 1.96 * delta.std() / np.sqrt(10), rel=0.1)


def test_no_change_at_all_has_an_exact_interval_and_holds_with_enough_images() -> None:
    few, many = (effects(made([0.2] * n, [0.2] * n, ["b"] * n), resamples=40)[0] for n in (20, 200))
    most = 1 - 0.025 ** (1 / 200)  # Clopper-Pearson of 0 in 200
    assert (many.shift.low, many.shift.high) == (pytest.approx(-most), pytest.approx(most))
    assert (many.distance.low, many.distance.high) == (0, pytest.approx(most))
    assert judge(many).answers == "hold"
    assert judge(few).answers == "unknown"  # 0 of 20 may still be 17 %


def test_without_malignant_classes_the_first_answer_is_followed() -> None:
    answers = Answers(
        world="real",
        classes=(B, C),
        changes=(Change("hair"),),
        ids=[f"i{i}" for i in range(6)],
        unit=np.arange(6),
        unit_name="image",
        target=[None] * 6,
        before=np.array([[0.9, 0.1], [0.2, 0.8]] * 3),
        after=np.array([[[0.7, 0.3], [0.1, 0.9]] * 3]),
    )
    row = effects(answers, resamples=40)[0]
    assert row.shift.value == pytest.approx((-0.2 + 0.1) / 2)
    assert "the probability of the first answer" in judge(row, measure=answers.measure).words
    assert judge(row).words.startswith("Photographs, hair added: ")


def estimate(value: float | None, low: float | None, high: float | None) -> Estimate:
    return Estimate(value=value, low=low, high=high, n=50, n_units=50, unit="image", reason="" if low else "why")


@pytest.mark.parametrize(
    ("shift", "distance", "flips", "expected"),
    [
        ((0.1, 0.06, 0.14), (0.1, 0.06, 0.14), (0.0, 0.0, 0.05), "change"),
        ((-0.1, -0.14, -0.06), (0.03, 0.02, 0.04), (0.0, 0.0, 0.05), "change"),
        ((0.0, -0.02, 0.02), (0.08, 0.06, 0.1), (0.0, 0.0, 0.05), "change"),  # some up, some down
        ((0.0, -0.02, 0.02), (0.02, 0.01, 0.03), (0.2, 0.12, 0.3), "change"),
        ((0.0, -0.02, 0.02), (0.02, 0.01, 0.03), (0.05, 0.02, 0.1), "hold"),
        ((0.0, -0.02, 0.02), (0.04, 0.01, 0.07), (0.05, 0.02, 0.1), "unknown"),
        ((0.3, None, None), (0.3, None, None), (0.3, None, None), "unknown"),
        ((None, None, None), (None, None, None), (None, None, None), "unknown"),
    ],
)
def test_verdicts(shift: tuple, distance: tuple, flips: tuple, expected: str) -> None:
    row = CounterfactualRow(
        world="phantom",
        change="ruler added",
        group="mel",
        n=50,
        shift=estimate(*shift),
        distance=estimate(*distance),
        flips=estimate(*flips),
    )
    found = judge(row)
    assert found.answers == expected
    assert found.words.startswith("Phantom, ruler added, mel: ")
    assert "-0.00" not in found.words


def test_words_of_a_verdict() -> None:
    row = CounterfactualRow(
        world="real",
        change="tone to ITA -30",
        value=-30,
        unit="ITA",
        group="all",
        n=50,
        outside_trust=7,
        shift=estimate(0.123, 0.081, 0.16),
        distance=estimate(0.2, 0.15, 0.26),
        flips=estimate(0.34, 0.28, 0.41),
    )
    assert judge(row).words == (
        "Photographs, tone to ITA -30: the answers change with skin tone. On average p(malignant) changes by +0.12 "
        "(+0.08 to +0.16); the size of its change is 0.20 (0.15 to 0.26); 34% (28% to 41%) of 50 images get another "
        "class. Left out, as the change can't be trusted there: 7."
    )
    assert judge(row, Tolerance(p=0.3, flips=0.5)).answers == "hold"
    with pytest.raises(CutisError, match=r"expected a number in 0\.\.1"):
        Tolerance(p=0)
