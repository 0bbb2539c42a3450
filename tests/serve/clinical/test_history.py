"""Red flags and triage: by hand, and that they only ever raise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutis.schema.classes import ClassInfo
from cutis.serve.clinical.history import SYMPTOMS
from cutis.serve.clinical.red_flags import RED_FLAGS, red_flags
from cutis.serve.clinical.triage import MALIGNANT, REASONS, overrides, priority, triage
from cutis.serve.kinds import Said

CLASSES = [
    ClassInfo(code="mel", name="Melanoma", malignant=True),
    ClassInfo(code="bcc", name="Basal cell carcinoma", malignant=True),
    ClassInfo(code="nv", name="Nevus", malignant=False),
    ClassInfo(code="bkl", name="Benign keratosis", malignant=False),
    ClassInfo(code="akiec", name="Actinic keratosis or Bowen's disease", malignant=None),
]


def told(*names: str) -> dict[str, bool]:
    return dict.fromkeys(names, True)


def said(*answers: str, status: str = "ok", predicted: str | None = None) -> Said:
    first = predicted or (answers[0] if answers else "nv")
    return Said("digest", status, None, first, list(answers), {}, None)


@pytest.mark.parametrize(
    ("symptoms", "expected"),
    [
        ((), []),
        (("bleeding",), ["bleeding"]),
        (("ulcer",), ["ulcer"]),
        (("rapid_change",), ["rapid_change"]),
        (("over_6_mm",), []),
        (("grew",), []),
        (("over_6_mm", "grew"), ["large_and_changing"]),
        (("over_6_mm", "changed_colour"), ["large_and_changing"]),
        (("over_6_mm", "rapid_change"), ["rapid_change", "large_and_changing"]),
        (("raised", "firm"), []),
        (("raised", "grew"), []),
        (("raised", "firm", "grew"), ["nodule"]),
        (("raised", "firm", "new"), ["nodule"]),
        (("nail_band",), []),
        (("nail_band", "new"), ["nail_change"]),
        (("immunosuppressed",), []),
        (("immunosuppressed", "grew"), ["immunosuppressed_growth"]),
        (("itch", "pain", "worries", "melanoma_family"), []),
    ],
)
def test_red_flags(symptoms: tuple[str, ...], expected: list[str]) -> None:
    assert red_flags(told(*symptoms)) == expected


def test_no_is_not_yes() -> None:
    assert red_flags(dict.fromkeys(SYMPTOMS, False)) == []


def test_every_flag_can_be_raised_and_cites_its_source() -> None:
    for code, flag in RED_FLAGS.items():
        assert code in red_flags(told(*(sorted(group)[0] for group in flag.needs)))
        assert flag.source
        assert set().union(*flag.needs) <= set(SYMPTOMS)


@pytest.mark.parametrize(
    ("symptoms", "answers", "expected", "level"),
    [
        ((), (), [], 0),
        ((), (said("nv"),), [], 0),
        ((), (said("nv", "bkl"),), [], 0),
        ((), (said("nv", "mel"),), ["malignant_possible"], 2),
        ((), (said("nv", "akiec"),), ["malignant_possible"], 2),
        ((), (said("mel", "nv"),), ["malignant_first"], 3),
        ((), (said("mel", "bcc"),), ["only_malignant"], 4),
        ((), (said(status="refused"),), ["refused"], 2),
        ((), (said(status="error"),), ["unreadable"], 2),
        ((), (said("nv"), said("mel", "nv")), ["malignant_first"], 3),
        (("itch",), (said("nv"),), ["symptom"], 1),
        (("changed_shape",), (said("nv"),), ["change"], 2),
        (("bleeding",), (said("nv"),), ["bleeding"], 4),
        (("over_6_mm", "grew", "worries"), (said("mel"),), None, 4),
    ],
)
def test_triage(symptoms: tuple[str, ...], answers: tuple[Said, ...], expected: list[str] | None, level: int) -> None:
    value, reasons = triage(told(*symptoms), answers, CLASSES)
    if expected is not None:
        assert reasons == expected
    else:
        assert reasons == ["large_and_changing", "only_malignant", "change", "large", "worried"]
        assert value == 44
    assert value // 10 == level


def test_without_sets_the_first_answer_is_taken() -> None:
    one = Said("digest", "ok", None, "mel", None, {"mel": 0.6, "nv": 0.4}, None)
    assert triage({}, [one], CLASSES) == (30, ["malignant_first"])


def test_red_flags_outweigh_a_benign_answer() -> None:
    assert overrides(triage(told("bleeding"), [said("nv")], CLASSES)[1])
    assert not overrides(triage(told("itch"), [said("nv")], CLASSES)[1])
    assert not overrides(triage(told("bleeding"), [said("mel", "nv")], CLASSES)[1])


SYMPTOM_SETS = st.sets(st.sampled_from(sorted(SYMPTOMS)))
ANSWERS = st.builds(
    lambda codes, status: said(*codes, status=status),
    st.lists(st.sampled_from([c.code for c in CLASSES]), unique=True),
    st.sampled_from(["ok", "refused", "error"]),
)


@given(SYMPTOM_SETS, SYMPTOM_SETS, st.lists(ANSWERS, max_size=3), st.lists(ANSWERS, max_size=3))
def test_more_only_raises(some: set[str], more: set[str], answers: list[Said], others: list[Said]) -> None:
    """One more symptom, one more photograph: never a lower priority, never a reason of the history less."""
    before, why = triage(told(*some), answers, CLASSES)
    after, why_after = triage(told(*some, *more), answers + others, CLASSES)
    assert after >= before
    assert set(why) - set(MALIGNANT) <= set(why_after)
    assert len(set(why_after) & set(MALIGNANT)) <= 1
    assert red_flags(told(*some)) == [c for c in red_flags(told(*some, *more)) if c in red_flags(told(*some))]


@given(SYMPTOM_SETS, st.lists(ANSWERS, max_size=3))
def test_no_answer_lowers_what_the_history_says(symptoms: set[str], answers: list[Said]) -> None:
    alone, why = triage(told(*symptoms), [], CLASSES)
    value, reasons = triage(told(*symptoms), answers, CLASSES)
    assert value >= alone
    assert set(why) <= set(reasons)


@given(st.sets(st.sampled_from(sorted(REASONS))))
def test_a_priority_is_of_its_gravest_reason(reasons: set[str]) -> None:
    value = priority(reasons)
    assert value // 10 == max((REASONS[code] for code in reasons), default=0)
    assert 0 <= value <= 49
