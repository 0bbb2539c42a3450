"""A bundle's reasons in the workbench's words."""

from __future__ import annotations

import pytest

from cutis.bundle.ood import SCORES
from cutis.image.assess import defaults
from cutis.serve.clinical.refusal import refusals
from cutis.serve.words import LANGUAGES, Words

EN = Words.of("en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fault_of_the_gate_has_words(language: str) -> None:
    """The codes and advices are those that pictures are really refused with."""
    words = Words.of(language)
    scores = [score for score in defaults().scores.values() if score.code]
    assert len(scores) > 5
    found = refusals("refused", "; ".join(f"{score.code}: {score.advice}" for score in scores), words)
    assert [one.code for one in found] == [score.code.replace(" ", "_") for score in scores]
    for one in found:
        assert words.t("refusal.code.other") != one.title
        assert one.title[-1] == one.advice[-1] == "."


def test_strangeness_and_empty_sets() -> None:
    """In the words of cutis.bundle.predict."""
    score = next(iter(SCORES.values())).words
    strange = f"unlike the training images: {score} is 1.234, above 0.900"
    empty = "no class is likely enough for 90% coverage: the largest probability is 0.301"
    found = refusals("refused", f"{strange}; {empty}", EN)
    assert [one.code for one in found] == ["unlike_the_training_images", "no_class_is_likely_enough"]
    assert found[0].said == f"{score} is 1.234, above 0.900"


def test_an_advice_may_hold_a_semicolon() -> None:
    (one,) = refusals("refused", "too dark: Turn on the light; or go out", EN)
    assert (one.code, one.said) == ("too_dark", "Turn on the light; or go out")


def test_what_has_no_words_is_told_as_it_came() -> None:
    (one,) = refusals("refused", "too purple: Take it again.", EN)
    assert (one.code, one.title, one.advice) == ("other", "too purple", "Take it again.")
    (bare,) = refusals("refused", None, EN)
    assert bare.title == EN.t("refusal.code.other")


def test_errors_and_answers() -> None:
    assert refusals("ok", None, EN) == []
    (one,) = refusals("error", "not an image", EN)
    assert (one.title, one.said) == ("The picture couldn't be read", "not an image")
