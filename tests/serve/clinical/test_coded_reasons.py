"""Reasons are written from a code, and read back to it with their numbers, whatever the numbers are."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutis.bundle.ood import SCORES
from cutis.bundle.reasons import REFUSALS
from cutis.image.coded import Said, Templates
from cutis.image.tone.reasons import TONE_REASONS
from cutis.serve.clinical.refusal import refusals, tone_reason
from cutis.serve.words import LANGUAGES, Words


def fields(code: str, templates: Templates) -> list[tuple[str, str]]:
    return [(n, f or "") for _, n, f, _ in string.Formatter().parse(templates._templates[code]) if n is not None]


@pytest.mark.parametrize("templates", [TONE_REASONS, REFUSALS], ids=["tone", "refusals"])
@given(data=st.data())
def test_what_is_written_is_read_back(templates: Templates, data: st.DataObject) -> None:
    code = data.draw(st.sampled_from(templates.codes))
    values: dict[str, object] = {}
    for name, form in fields(code, templates):
        number = data.draw(st.integers(-999, 99999) if not form else st.floats(-200, 200))
        values[name] = data.draw(st.sampled_from([s.words for s in SCORES.values()])) if name == "score" else number
    read = templates.read(templates.say(code, **values))
    assert read is not None
    assert read.code == code
    for name, value in read.values.items():
        assert value == pytest.approx(values[name], abs=0.51)


def test_codes_are_told_apart() -> None:
    """No sentence of one code reads as another's."""
    for templates in (TONE_REASONS, REFUSALS):
        for code in templates.codes:
            values = {name: 7 for name, _ in fields(code, templates)}
            assert templates.read(templates.say(code, **values)).code == code  # type: ignore[union-attr]
        assert templates.read("something else") is None
        assert templates.read("") is None


def test_percents_are_shares() -> None:
    assert REFUSALS.read("no class is likely enough for 90% coverage: the largest probability is 0.301") == Said(
        "no_class_is_likely_enough", {"coverage": 0.9, "most": 0.301}
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_words_with_its_numbers(language: str) -> None:
    words = Words.of(language)
    for code in TONE_REASONS.codes:
        values = {name: 31 for name, _ in fields(code, TONE_REASONS)}
        text = tone_reason(words, {"reason": TONE_REASONS.say(code, **values)})
        assert text != TONE_REASONS.say(code, **values)
        assert ("31" in text) == bool(values), code
    for code in REFUSALS.codes:
        values = {name: "x" if name == "score" else 0.25 for name, _ in fields(code, REFUSALS)}
        (why,) = refusals("refused", REFUSALS.say(code, **values), words)
        assert why.code == code
        assert words.number(0.25, 3) in why.numbers
        assert why.numbers in why.whole


def test_german_numbers_and_reasons() -> None:
    words = Words.of("de")
    (why,) = refusals("refused", "unlike the training images: distance is 1.234, above 0.900", words)
    assert why.numbers == "Sein Maß der Fremdheit ist 1,234; die Grenze des Modells ist 0,900."
    grey = TONE_REASONS.say("grey", chroma=2.51, least=3.0)
    assert tone_reason(words, {"reason": grey}).endswith("(Buntheit 2,5, Haut hat 3 und mehr)")
    assert tone_reason(words, {"reason": "of an older Cutis"}) == "of an older Cutis"
    assert tone_reason(words, {}) == ""
