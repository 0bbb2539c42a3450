"""Rows in plain words: whether the answers change, hold, or can't be told to, against a stated tolerance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cutis.errors import CutisError
from cutis.schema.dossier import CounterfactualRow
from cutis.schema.estimate import Estimate

_WORLD = {"real": "Photographs", "phantom": "Phantom"}


@dataclass(frozen=True)
class Tolerance:
    """p: the largest mean change of the followed probability that is tolerated, either way. flips: the largest share of
    images that may get another class."""

    p: float = 0.05
    flips: float = 0.10

    def __post_init__(self) -> None:
        for name, value in (("p", self.p), ("flips", self.flips)):
            if not 0 < value < 1:
                raise CutisError(f"counterfactual: tolerance {name} is {value}; expected a number in 0..1.")

    @property
    def words(self) -> str:
        return (
            f"Tolerated: a mean change of {self.p:g} in probability, and {self.flips:.0%} of images in another class."
        )


@dataclass(frozen=True)
class Verdict:
    """change, group, world: of the row. answers: "change", if an interval lies beyond the tolerance; "hold", if all lie
    within it; "unknown" else. words: one or two sentences."""

    world: str
    change: str
    group: str
    answers: Literal["change", "hold", "unknown"]
    words: str


def judge(row: CounterfactualRow, tolerance: Tolerance | None = None, measure: str = "p(malignant)") -> Verdict:
    """What a row means. measure: what its shift and distance are of (`Answers.measure`)."""
    tolerance = tolerance or Tolerance()
    limits = ((row.shift, tolerance.p), (row.distance, tolerance.p), (row.flips, tolerance.flips))
    beyond = any(e.low is not None and e.high is not None and (e.low > t or e.high < -t) for e, t in limits)
    within = all(e.low is not None and e.high is not None and -t <= e.low and e.high <= t for e, t in limits)
    answers: Literal["change", "hold", "unknown"] = "change" if beyond else "hold" if within else "unknown"
    kind = " with skin tone" if row.unit == "ITA" else ""
    said = {
        "change": f"the answers change{kind}",
        "hold": "the answers hold",
        "unknown": f"too few images to say whether the answers change{kind}",
    }[answers]
    who = f"{_WORLD[row.world]}, {row.change}" + ("" if row.group == "all" else f", {row.group}")
    words = f"{who}: {said}. {_numbers(row, measure)}"
    if row.outside_trust:
        words += f" Left out, as the change can't be trusted there: {row.outside_trust:,}."
    return Verdict(row.world, row.change, row.group, answers, words)


def _numbers(row: CounterfactualRow, measure: str) -> str:
    if row.shift.value is None:
        return f"Not estimable: {row.shift.reason}."
    return (
        f"On average {measure} changes by {_words(row.shift, '+.2f')}; the size of its change is "
        f"{_words(row.distance, '.2f')}; {_words(row.flips, '.0%')} of {row.n:,} images get another class."
    )


def _words(estimate: Estimate, form: str) -> str:
    """ "+0.12 (+0.08 to +0.16)"."""

    def written(value: float) -> str:
        return f"{round(value, 2) + 0.0:{form}}"  # no "-0.00"

    assert estimate.value is not None
    if estimate.low is None or estimate.high is None:
        return f"{written(estimate.value)} (no interval: {estimate.reason})"
    return f"{written(estimate.value)} ({written(estimate.low)} to {written(estimate.high)})"
