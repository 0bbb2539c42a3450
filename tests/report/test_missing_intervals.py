"""A number without an interval shows nothing: no page makes "no worse" or "alike" of it, but "too few to say"."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import dossier_world
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from test_report_page import Strict

from cutis.report.audited.by_group import unequal
from cutis.report.audited.disturbs import topics, worst_shift
from cutis.report.audited.said import in_short, refuses, same_lesion
from cutis.report.checklists.fillers import FILLERS
from cutis.report.dossier import page as dossier_pages
from cutis.report.dossier.drawing import draw
from cutis.report.fairness import overview, pairs_text
from cutis.report.figures import all_figures
from cutis.report.page import context, render
from cutis.schema.dossier import CounterfactualRow, DossierEvidence, RefusalRow, ShiftRow
from cutis.schema.estimate import Estimate, apart, side
from cutis.schema.evidence import Evidence, GroupTest, Measured

REASON = "only 8 lesions; for an interval you need 2 more"
CLAIMS = re.compile(
    r"beyond chance|no difference|no sure change|(is|are|not) shown|not ruled out|\b(falls|rises)\b|disturbed most|"
    r"not do equally well|but only|declines most|No better than|Worse than chance|Guessing gets|overconfident|"
    r"keep their promise|that is kept|it doesn't\.|larger than they need|more often:",
)
# What the pages say in any case, to read numbers by.
ALWAYS = (
    "A pair differs beyond chance if p is under 0.05",
    "above the line: more often right",
    "below: overconfident",
    "only their ids are shown",
)


def bare(value: float | None = 0.6, *, reason: str = REASON) -> Estimate:
    status: Any = "not estimable" if value is None else "ok"
    return Estimate(value=value, low=None, high=None, n=9, n_units=8, unit="lesion", status=status, reason=reason)


def strip(found: Any, change: Callable[[float | None], float | None]) -> Any:
    """The same evidence, in whatever form, without any interval and with the values changed."""
    if isinstance(found, Estimate):
        return bare(change(found.value))
    if isinstance(found, Measured):
        value = change(found.value)
        status = "not estimable" if value is None else "ok"
        ends = {"low": None, "high": None, "reason": REASON}
        return found.model_copy(update={"value": value, "status": status, **ends})
    if isinstance(found, GroupTest):
        return found.model_copy(update=dict.fromkeys(("low", "high", "p", "p_holm", "p_bh")) | {"reason": REASON})
    if isinstance(found, BaseModel):
        return found.model_copy(update={name: strip(getattr(found, name), change) for name in type(found).model_fields})
    if isinstance(found, list | tuple):
        return type(found)(strip(one, change) for one in found)
    return found


def sentences(html: str) -> set[str]:
    parser = Strict()
    parser.feed(re.sub(r"(?s)<style>.*?</style>", "", html))
    text = [" ".join(unescape(part).split()) for part in parser.text]
    return {s for part in text for s in re.split(r"(?<=[.:;!?]) ", part) if s}


def claims(text: str) -> list[str]:
    """Sentences that claim something, and don't say in the same breath that there are too few images."""
    every = re.split(r"(?<=[.!?]) (?=[A-Z])", text)
    found = [s for s in every if CLAIMS.search(s) and "too few images to say" not in s.lower()]
    return [s for s in found if not any(known in s for known in ALWAYS)]


@pytest.fixture(scope="module")
def full(evidence: Evidence) -> DossierEvidence:
    return dossier_world.full(evidence)


@pytest.mark.parametrize("how", ["as they were", "by chance", "not even a value"])
def test_no_page_claims_anything_of_numbers_without_intervals(full: DossierEvidence, how: str) -> None:
    rng = np.random.default_rng(5)
    changes: dict[str, Callable[[float | None], float | None]] = {
        "as they were": lambda v: v,
        "by chance": lambda v: None if v is None else float(rng.uniform(0, 1)),
        "not even a value": lambda v: None,
    }
    d: DossierEvidence = strip(full, changes[how])
    assert len(d.shifts) == len(full.shifts)
    assert all(m.low is None for m in d.clean.measured)
    figures = draw(d)
    every = {
        "clinician": dossier_pages.clinician(d, figures),
        "auditor": dossier_pages.auditor(d, figures, []),
        "report": render(d.clean, all_figures(d.clean), {}),
    }
    assert [c for filler in FILLERS.values() for c in claims(filler.say(d))] == []
    for name, html in every.items():
        parser = Strict()
        parser.feed(re.sub(r"(?s)<style>.*?</style>", "", html))
        assert [c for part in parser.text for c in claims(unescape(" ".join(part.split())))] == [], name
    if how != "not even a value":
        assert "oo few images to say" in every["clinician"]


def test_the_claims_are_made_where_there_are_intervals(full: DossierEvidence) -> None:
    """The pattern above would find them."""
    text = dossier_pages.clinician(full, draw(full))
    found = {c for s in sentences(text) for c in CLAIMS.findall(s)}
    assert len(found) > 2
    assert claims("Hair: balanced accuracy falls from 1 to 2.") != []


def shift(change: Estimate, name: str = "hair") -> ShiftRow:
    return ShiftRow(
        suite="skin",
        shift=name,
        severity=3,
        metric="balanced_error",
        estimate=bare(0.5),
        change=change,
    )


def with_shifts(*rows: ShiftRow) -> DossierEvidence:
    return dossier_world.empty().model_copy(update={"shifts": rows})


def test_a_loss_without_an_interval_is_not_no_loss() -> None:
    """The fault: +14.6 points of error, from 8 lesions, were "no change makes it worse beyond chance"."""
    said = worst_shift(with_shifts(shift(bare(0.146)))).replace("\N{NO-BREAK SPACE}", " ")
    assert said == (
        "There are too few images to say whether any change that was tried makes balanced error worse. The largest "
        "loss seen is by hair: at severity 3, balanced error goes from 35.4 % to 50.0 %: +14.6 points, too few images "
        f"to say; {REASON}."
    )
    assert dict(topics(with_shifts(shift(bare(0.146)))))["Hair"].endswith(f"too few images to say; {REASON}.")


def test_some_that_can_be_told_and_some_that_can_not() -> None:
    sure = shift(dossier_world.estimate(0.05, 0.02), "defocus")
    none = shift(dossier_world.estimate(0.01, 0.02), "ruler")
    said = worst_shift(with_shifts(sure, none, shift(bare(0.146))))
    assert said.startswith("Of the changes that can be told, it is disturbed most by defocus: ")
    assert "Of 1 more there are too few images to say. The largest loss seen is by hair:" in said
    said = worst_shift(with_shifts(none))
    assert said.endswith(
        "is shown to make balanced error worse; a loss of up to 3.0 points (by ruler) is not ruled out."
    )
    gained = worst_shift(with_shifts(none, shift(bare(-0.1))))
    assert gained.endswith("not ruled out. Of 1 more there are too few images to say.")  # no loss was seen


def pair(p: float | None) -> GroupTest:
    return GroupTest(metric="accuracy", group="a", other="b", difference=0.2, low=None, high=None, p=p, p_holm=p)


@pytest.mark.parametrize(
    ("p", "said"),
    [
        ([], ""),
        ([None], "too few images to say whether 1 pair of groups differs"),
        ([None, None], "too few images to say whether 2 pairs of groups differ"),
        ([0.2], "0 of 1 pair of groups differ beyond chance"),
        ([0.01, 0.2, None], "1 of 2 pairs of groups differ beyond chance; of 1 more there are too few images to say"),
    ],
)
def test_pairs_without_a_test_are_no_pairs_that_are_alike(p: list[float | None], said: str) -> None:
    assert pairs_text([pair(one) for one in p]) == said


def test_groups_that_could_not_be_tested(evidence: Evidence) -> None:
    assert any(f.tests for f in evidence.fairness)
    e: Evidence = strip(evidence, lambda v: v)
    assert unequal(e).startswith("Too few images to say whether it does equally well for everyone; the widest spread")
    for _, text in overview(e):
        assert "beyond chance" not in text


def test_a_confidence_that_is_not_shown_to_be_wrong_is_not_right(evidence: Evidence) -> None:
    told = context(strip(evidence, lambda v: v), {}, {})["leaning"]
    assert told.endswith("too few images to say whether it is overconfident.")
    accuracy = evidence.find("accuracy")
    assert accuracy is not None
    wide = accuracy.model_copy(update={"low": 0.01, "high": 0.99})
    measured = [wide if m is accuracy else m for m in evidence.measured]
    told = context(evidence.model_copy(update={"measured": measured}), {}, {})["leaning"]
    assert "doesn't show it to be over- or underconfident" in told


def counterfactual(m: Estimate) -> CounterfactualRow:
    return CounterfactualRow(world="real", change="hair added", group="all", n=9, shift=m, distance=m, flips=bare(0.3))


def test_a_change_of_probability_without_an_interval() -> None:
    d = dossier_world.empty().model_copy(update={"counterfactual": (counterfactual(bare(0.2)),)})
    ((_, said),) = same_lesion(d)
    assert said.startswith(
        f"The probability of malignancy changed by +20.0 points on average, too few images to say; {REASON}"
    )
    assert any("30 of 100 (no interval)" in s and "too few images to say" in s for s in in_short(d))


def refusal(group: str, share: Estimate) -> RefusalRow:
    return RefusalRow(column="sex", group=group, reason="any", n=9, share=share)


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (bare(0.3), bare(0.1), "It declined most often for sex male: 30 of 100 (no interval) (9 images only); too few"),
        (dossier_world.estimate(0.3), dossier_world.estimate(0.28), "; that groups differ in it is not shown."),
        (dossier_world.estimate(0.3), dossier_world.estimate(0.1), "It declines most often for sex male: 30 of 100"),
    ],
)
def test_who_is_refused_most(a: Estimate, b: Estimate, said: str) -> None:
    d = dossier_world.empty().model_copy(update={"refusals": (refusal("male", a), refusal("female", b))})
    assert said in " ".join(refuses(d))


@given(
    st.tuples(st.floats(-1, 1), st.floats(-1, 1)).map(sorted),
    st.floats(-1, 1),
    st.sampled_from(["", "low", "high"]),
)
def test_an_interval_that_is_not_there_holds_nothing(ends: list[float], at: float, lacks: str) -> None:
    low, high = (None if lacks == name else end for name, end in zip(("low", "high"), ends, strict=True))
    m = Estimate(value=0.0, low=low, high=high, n=1, n_units=1, unit="image")
    if lacks:
        assert side(m, at) == "unknown"
        assert apart(m, dossier_world.estimate(0.5)) is None
        assert apart(dossier_world.estimate(0.5), m) is None
    else:
        assert side(m, at) == ("above" if at < ends[0] else "below" if at > ends[1] else "holds")
        assert apart(m, m) is False
