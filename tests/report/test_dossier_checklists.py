"""Checklists: every item has fillers that exist, nothing is answered from nothing, counts add up."""

from __future__ import annotations

import dossier_world
import pytest

from cutis.report.checklists import NAMES, STATES, UNVERIFIED, fill, load, markdown, summary
from cutis.report.checklists.fillers import FILLERS
from cutis.schema.dossier import DossierEvidence
from cutis.schema.evidence import Evidence
from cutis.schema.predictions import PredictionsInfo

# Sizes that the sources are known by (needs.md, A7); STARD-AI's and Annex IV's parts are ours.
SIZES = {"clear-derm": 25, "tripod-ai": 27, "claim": 44}
ALWAYS = {"software"}  # what every dossier knows: who made it, and when


@pytest.fixture(scope="module")
def full(evidence: Evidence) -> DossierEvidence:
    return dossier_world.full(evidence)


@pytest.mark.parametrize("name", NAMES)
def test_items_are_sound(name: str) -> None:
    checklist = load(name)
    assert len(checklist.items) == SIZES.get(name, len(checklist.items))
    assert len({i.number for i in checklist.items}) == len(checklist.items)
    for item in checklist.items:
        assert set(item.fill) <= set(FILLERS), item
        assert item.fill or item.ask, f"{item.number} can neither be filled nor asked"
        assert len(item.fill) == len(set(item.fill))
        assert item.words == item.words.strip()


def test_no_filler_is_idle() -> None:
    used = {f for name in NAMES for item in load(name).items for f in item.fill}
    assert sorted(set(FILLERS) - used) == []


@pytest.mark.parametrize("filler", sorted(FILLERS))
def test_nothing_is_answered_from_nothing(filler: str) -> None:
    said = FILLERS[filler].say(dossier_world.empty())
    assert bool(said) == (filler in ALWAYS)


@pytest.mark.parametrize("filler", sorted(FILLERS))
def test_every_filler_answers_from_evidence(filler: str, full: DossierEvidence) -> None:
    said = FILLERS[filler].say(full)
    assert said
    assert said.rstrip().endswith((".", ")"))
    assert "None" not in said.split()


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_dossier_provides_nothing(name: str) -> None:
    filled = fill(name, dossier_world.empty())
    for answer in filled.answers:
        known = ALWAYS & set(answer.item.fill)
        assert (answer.state == "not provided") == (not known)
        assert bool(answer.said) == bool(known)
    text = markdown(filled)
    assert text.count("- not provided") == filled.counts["not provided"]


@pytest.mark.parametrize("name", NAMES)
def test_counts_add_up_and_asked_items_are_never_full(name: str, full: DossierEvidence) -> None:
    filled = fill(name, full)
    assert sum(filled.counts.values()) == len(filled.answers)
    assert list(filled.counts) == list(STATES)
    assert filled.counts["filled"] > 0
    assert not [a for a in filled.answers if a.item.ask and a.state == "filled"]
    assert not [a for a in filled.answers if not a.item.fill and a.state != "not provided"]
    assert summary(filled) in markdown(filled)


def test_unverified_wording_is_marked(full: DossierEvidence) -> None:
    for name in NAMES:
        text = markdown(fill(name, full))
        assert text.count(UNVERIFIED) == sum(not i.verified for i in load(name).items)
    assert any(i.verified for i in load("eu-ai-act-annex-iv").items)
    assert not any(i.verified for i in load("clear-derm").items)


def test_markdown_takes_no_markup_from_names(full: DossierEvidence) -> None:
    text = markdown(fill("clear-derm", full))
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_partly_is_what_some_fillers_know(full: DossierEvidence) -> None:
    info = full.clean.info.model_copy(update={"split": {"scheme": "by hand", "unit": "lesion"}})
    less = full.model_copy(update={"clean": full.clean.model_copy(update={"info": info})})
    before = {a.item.number: a.state for a in fill("stard-ai", full).answers}
    after = {a.item.number: a.state for a in fill("stard-ai", less).answers}
    assert (before["B"], after["B"]) == ("filled", "partly")
    unknown = less.model_copy(
        update={"clean": less.clean.model_copy(update={"info": PredictionsInfo(classes=info.classes)})}
    )
    assert {a.item.number: a.state for a in fill("stard-ai", unknown).answers}["B"] == "not provided"
