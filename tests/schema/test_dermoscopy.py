"""Checklists against their published rules, written out again here, over whole truth tables."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutis.errors import CutisError
from cutis.schema.dermoscopy import CHECKLISTS, Item, checklist, score, total_dermoscopy_score

YES_NO = ("seven_point", "seven_point_revised", "menzies", "three_point", "weighted_seven_point")


def by_hand(name: str, seen: dict[str, bool]) -> tuple[int, str]:
    """Total and verdict of the yes-no lists, as the papers have them."""
    if name == "seven_point":
        major = ("atypical_network", "blue_whitish_veil", "atypical_vessels")
        minor = ("irregular_streaks", "irregular_dots_globules", "irregular_pigmentation", "regression")
        total = 2 * sum(seen[n] for n in major) + sum(seen[n] for n in minor)
        return total, "suspect" if total >= 3 else "below"
    if name == "seven_point_revised":
        return sum(seen.values()), "suspect" if any(seen.values()) else "below"
    if name == "three_point":
        return sum(seen.values()), "refer" if sum(seen.values()) >= 2 else "below"
    if name == "weighted_seven_point":
        total = 2 * sum(seen[n] for n in ("size_changed", "irregular_shape", "irregular_colour"))
        total += sum(seen[n] for n in ("seven_mm", "inflammation", "oozing", "sensation"))
        return total, "refer" if total >= 3 else "below"
    positive = sum(there for item, there in seen.items() if item not in ("symmetric_pattern", "single_colour"))
    neither = not seen["symmetric_pattern"] and not seen["single_colour"]
    return positive, "melanoma" if neither and positive else "below"


@pytest.mark.parametrize("name", YES_NO)
def test_truth_table(name: str) -> None:
    items = [item.name for item in checklist(name).items]
    assert len(items) == {"seven_point": 7, "seven_point_revised": 7, "menzies": 11, "three_point": 3}.get(name, 7)
    for answers in product((False, True), repeat=len(items)):
        seen = dict(zip(items, answers, strict=True))
        found = score(name, seen)
        assert (found.total, found.verdict) == by_hand(name, seen)
        assert found.most == found.total
        assert found.missing == ()


def test_total_dermoscopy_score_over_all_810() -> None:
    """In tenths, so that nothing rounds: 13 A + B + 5 C + 5 D; 47.5 and 54.5 are the cuts."""
    for a, b, c, d in product(range(3), range(9), range(1, 7), range(1, 6)):
        tenths = 13 * a + b + 5 * c + 5 * d
        found = score("abcd", {"asymmetry": a, "border": b, "colours": c, "structures": d})
        assert found.total == tenths / 10 == total_dermoscopy_score(a, b, c, d)
        verdict = "below" if tenths < 47.5 else "suspicious" if tenths <= 54.5 else "highly_suspicious"
        assert found.verdict == verdict


def test_colours_may_be_named_or_counted() -> None:
    named = score("abcd", {"asymmetry": 2, "border": 4, "colours": ["red", "black", "red"], "structures": ["dots"]})
    counted = score("abcd", {"asymmetry": 2, "border": 4, "colours": 2, "structures": 1})
    assert named.total == counted.total == 4.5
    assert score("abcd", {"colours": []}).missing == ("asymmetry", "border", "colours", "structures")


def test_numpy_integers_are_whole_numbers() -> None:
    assert total_dermoscopy_score(np.int64(1), np.int32(5), np.uint8(3), 3) == 4.8


@pytest.mark.parametrize(
    ("name", "filled", "words"),
    [
        ("seven-point", {}, 'did you mean "seven_point"?'),
        ("seven_point", {"regresion": True}, 'did you mean "regression"?'),
        ("seven_point", {"regression": 1}, "expected true or false"),
        ("seven_point", {"regression": "yes"}, "expected true or false"),
        ("abcd", {"asymmetry": 3}, "expected a whole number, 0 to 2"),
        ("abcd", {"asymmetry": -1}, "expected a whole number, 0 to 2"),
        ("abcd", {"asymmetry": True}, "expected a whole number, 0 to 2"),
        ("abcd", {"border": 1.5}, "expected a whole number, 0 to 8"),
        ("abcd", {"border": 9}, "expected a whole number, 0 to 8"),
        ("abcd", {"colours": 0}, "expected a whole number, 1 to 6"),
        ("abcd", {"colours": ["blue"]}, 'did you mean "blue_grey"?'),
        ("abcd", {"structures": 6}, "expected a whole number, 1 to 5"),
        ("abcd", {"structures": {"dots": True}}, "expected a whole number, 1 to 5"),
    ],
)
def test_what_cannot_be_is_refused(name: str, filled: dict[str, object], words: str) -> None:
    with pytest.raises(CutisError, match="checklist") as error:
        score(name, filled)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def values_of(item: Item) -> st.SearchStrategy[object]:
    if item.kind == "yes-no":
        return st.booleans()
    if item.kind == "number":
        return st.integers(item.low, item.high)
    return st.lists(st.sampled_from(item.options), min_size=1)


@st.composite
def filled_in(draw: st.DrawFn) -> tuple[str, dict[str, object], set[str]]:
    """A list, all its items filled in, and some of their names."""
    name = draw(st.sampled_from(CHECKLISTS))
    whole = {item.name: draw(values_of(item)) for item in checklist(name).items}
    return name, whole, draw(st.sets(st.sampled_from(sorted(whole))))


@given(filled_in())
def test_a_verdict_before_the_end_is_the_verdict_at_the_end(given: tuple[str, dict[str, object], set[str]]) -> None:
    name, whole, known = given
    partly, end = score(name, {item: whole[item] for item in known}), score(name, whole)
    assert partly.total <= end.total <= partly.most
    assert set(partly.missing) == set(whole) - known
    assert partly.verdict in (None, end.verdict)
    assert end.verdict is not None


@given(filled_in(), st.data())
def test_one_more_feature_never_calms(given: tuple[str, dict[str, object], set[str]], data: st.DataObject) -> None:
    """Whatever speaks for melanoma only adds; a negative feature of Menzies only calms."""
    name, whole, _ = given
    rule = checklist(name)
    bands = [band.name for band in rule.bands]
    item = data.draw(st.sampled_from([i for i in rule.items if i.kind == "yes-no"] or list(rule.items)))
    if item.kind != "yes-no":
        return
    without, with_it = (score(name, whole | {item.name: there}) for there in (False, True))
    assert without.verdict is not None
    assert with_it.verdict is not None
    order = bands.index(with_it.verdict) - bands.index(without.verdict)
    assert order <= 0 if item.negative else order >= 0


def test_studies_are_told_with_their_cut() -> None:
    for name in CHECKLISTS:
        for study in checklist(name).measured:
            assert 0 < study.specificity < 100
            assert study.cut
            assert study.source
            for value, between in (
                (study.sensitivity, study.sensitivity_interval),
                (study.specificity, study.specificity_interval),
            ):
                assert between is None or between[0] < value < between[1]
