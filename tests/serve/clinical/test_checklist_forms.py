"""Checklists as forms and in words."""

from __future__ import annotations

import pytest

from cutis.errors import CutisError
from cutis.schema.dermoscopy import CHECKLISTS, checklist
from cutis.serve.clinical.checklists import definitions, score, score_all
from cutis.serve.words import LANGUAGES, Words

EN = Words.of("en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_definitions_hold_what_a_form_needs(language: str) -> None:
    made = definitions(Words.of(language))
    assert [one["name"] for one in made] == list(CHECKLISTS)
    for one in made:
        rule = checklist(one["name"])
        assert one["title"]
        assert one["source"] == rule.source
        assert len(one["measured"]) == len(rule.measured)
        assert [item["name"] for item in one["items"]] == [item.name for item in rule.items]
        for item in one["items"]:
            assert item["words"]
            assert item["kind"] in ("yes-no", "number", "several")
            assert bool(item["options"]) == (item["kind"] == "several")
            assert all(option["words"] for option in item["options"])
        assert [band["name"] for band in one["bands"]] == [band.name for band in rule.bands]


def test_a_study_is_a_sentence_in_natural_frequencies() -> None:
    (menzies,) = [one for one in definitions(EN) if one["name"] == "menzies"]
    assert menzies["measured"] == [
        "At no negative, >= 1 positive it marked 95 of 100 melanomas, and passed 25 of 100 others "
        "(Carrera et al., JAMA Dermatol 152 (2016) 798, table 4)."
    ]


def test_a_whole_list() -> None:
    filled = {"asymmetry": 1, "border": 5, "colours": ["red", "black", "white"], "structures": ["dots", "network"]}
    found = score("abcd", filled, EN)
    assert (found.total, found.verdict, found.missing) == (4.3, "below", ())
    assert found.words == "4.3 points. Below 4.75: not suspect by this rule, which doesn't rule melanoma out."
    assert score("abcd", filled, Words.of("de")).words.startswith("4,3 Punkte. Unter 4,75")


def test_a_list_half_filled_in() -> None:
    open_ = score("seven_point", {"regression": True}, EN)
    assert open_.verdict is None
    assert open_.words == "1 to 10 points: 6 not filled in yet."
    decided = score("seven_point", {"regression": True, "atypical_network": True}, EN)
    assert decided.verdict == "suspect"
    assert decided.words == "3 points so far; what is missing can't change the verdict. 3 or more: suspect of melanoma."


def test_no_verdict_says_benign_and_the_lowest_says_what_it_does_not_do() -> None:
    for one in definitions(EN):
        lowest = one["bands"][0]["words"]
        assert "benign" not in " ".join(band["words"] for band in one["bands"]).lower()
        assert "rule" in lowest or "enough to refer" in lowest


def test_a_reading_s_lists_come_in_order_and_empty_ones_not_at_all() -> None:
    filled = {"three_point": {"asymmetry": True}, "seven_point": {"regression": False}, "abcd": {"colours": []}}
    assert [one.name for one in score_all(filled, EN)] == ["seven_point", "three_point"]


@pytest.mark.parametrize("wrong", [[], "three_point", {"three_point": True}])
def test_what_is_no_set_of_lists_is_refused(wrong: object) -> None:
    with pytest.raises(CutisError, match=r'as in \{"three_point"'):
        score_all(wrong, EN)
