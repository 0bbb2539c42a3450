"""The one page's content."""

from __future__ import annotations

from datetime import UTC, datetime

from cutis.serve.reports.material import Material
from cutis.serve.reports.page import MOST_PICTURES, report
from serve.reports.conftest import BUNDLE, answered, pictured, read


def test_a_signed_case(a_case, material) -> None:
    lists = {"weighted_seven_point": {"size_changed": True, "itch": True}}
    lists = {"weighted_seven_point": {"size_changed": True, "sensation": True}}
    case = a_case(readings=[read("blind", diagnosis="mel"), read(override="regular network", checklists=lists)])
    page = report(material(case))
    assert page.final
    assert page.status == "Signed by dr-a, 2 March 2026"
    facts = dict(page.facts)
    assert facts["Age, sex"] == "62 years, female"
    assert facts["Body site"] == "Trunk › Posterior trunk"
    assert facts["Visit"] == "day 30 since the first visit"
    assert (page.history, page.denied) == (["has grown"], ["itches"])
    assert page.conclusion is not None
    assert page.conclusion.diagnosis == "Nevus"
    assert page.conclusion.rows == [
        ("Reader's confidence", "80 of 100"),
        ("Management", "see again, with pictures"),
        ("Why it is not in the model's list", "regular network"),
    ]
    assert page.conclusion.checklists[0][1].startswith("3 points so far; what is missing can't change the verdict.")
    assert [one.diagnosis for one in page.blind] == ["Melanoma"]
    assert page.safety.title == "Not a diagnosis."


def test_the_model_is_told_as_a_list(a_case, material) -> None:
    (told,) = report(material(a_case())).model
    assert told.listed == [("Nevus", "benign"), ("Melanoma", "malignant")]
    assert told.promise is not None
    assert told.promise.said == [
        "The list was made to hold the answer in 9 of 10 cases like those it was calibrated on.",
        "How often it does was never measured on pictures that the model hadn't learned from.",
    ]
    assert told.count == "The list holds most of what the model knows: it can't tell."
    assert told.refused == []


def test_counts_say_what_they_mean(a_case, material) -> None:
    def count(*inside: str) -> str:
        return report(material(a_case([pictured(0, answered(inside=inside))]))).model[0].count

    assert count("nv") == "The list has one entry. That is no certainty."
    assert count("nv", "mel", "akiec") == "The list holds all the model knows: it can't tell."


def test_an_answer_without_a_set_is_told_too(a_case, material) -> None:
    """Of a bundle that had too few units to make sets, as the case page shows it."""
    answer = answered()
    answer.answer_set = None
    (told,) = report(material(a_case([pictured(0, answer)]))).model
    assert told.listed == [("Nevus", "benign")]
    assert told.count == "The list has one entry. That is no certainty."


def test_a_refusal_lists_nothing(a_case, material) -> None:
    reason = "too blurred: Hold it. ; no class is likely enough for 90% coverage: the largest probability is 0.4"
    (told,) = report(material(a_case([pictured(0, answered("refused", reason.replace(" ;", ";")))]))).model
    assert (told.listed, told.promise, told.count) == ([], None, "")
    assert [one.code for one in told.refused] == ["too_blurred", "no_class_is_likely_enough"]
    assert told.refused[1].numbers.startswith("The most probable answer has 0.400, too little for a list that holds ")


def test_flags_outweigh_a_benign_answer_only(a_case, material) -> None:
    bleeding = {"symptoms": {"bleeding": True}}
    benign = report(material(a_case([pictured(0, answered(inside=("nv",)))], **bleeding)))
    assert benign.red_flags == ["It bleeds without being hurt."]
    assert benign.override.startswith("Needs review, whatever the model answers")
    grave = report(material(a_case(**bleeding)))
    assert grave.red_flags
    assert grave.override == ""


def test_quality_tone_and_too_many_pictures(a_case, material) -> None:
    faults = {"reasons": [{"code": "glare", "advice": "", "measures": ["glare"]}]}
    photos = [pictured(n, answered(), quality=faults) for n in range(MOST_PICTURES + 2)]
    page = report(material(a_case(photos)))
    assert len(page.pictures) == MOST_PICTURES
    assert page.more == "and 2 more photographs"
    assert page.pictures[0].faults == ["The skin shines."]
    assert page.pictures[0].tone == "ITA 31° (24 to 39 by which of its pixels are taken)"
    dark = report(material(a_case([pictured(0, tone={"ita": None, "reason": "too little skin"})])))
    assert dark.pictures[0].tone == "Skin tone can't be estimated: too little skin"
    assert dark.model == []


def test_what_is_unknown_says_so(a_case, material) -> None:
    case = a_case(age=None, sex=None, site=None, patient=None, lesion=None, visit_day=None, symptoms={})
    facts = dict(report(material(case)).facts)
    assert set(facts.values()) == {"case-1", "not provided", "2 March 2026"}
    assert dict(report(material(a_case(age=85))).facts)["Age, sex"] == "85 years or more, female"


def test_where_it_comes_from(a_case, material) -> None:
    made = material(a_case())
    rows = report(made).provenance
    assert ("Model bundle", f"small, Drawn skin: {BUNDLE}") in rows
    assert ("Picture 1", "0" * 64) in rows
    assert ("Made", "2026-03-03 09:30 UTC") in rows
    gone = Material(made.case, {}, made.words, datetime(2027, 1, 1, tzinfo=UTC))
    assert ("Model bundle", BUNDLE) in report(gone).provenance
    assert report(gone).model[0].listed == [("nv", ""), ("mel", "")]
    promise = report(gone).model[0].promise
    assert promise is not None
    assert promise.whole == made.words.t("answer.no_coverage")


def test_in_german(a_case, material) -> None:
    page = report(material(a_case(readings=[read()]), "de"))
    assert page.status == "Unterschrieben von dr-a, 2. März 2026"
    assert page.model[0].listed == [("Nävus", "gutartig"), ("Melanom", "bösartig")]
    assert dict(page.facts)["Körperstelle"] == "Rumpf › Rücken"
    reason = "all hair or structure: 45 % of what isn't lesion"
    hairy = report(material(a_case([pictured(0, tone={"ita": None, "reason": reason})]), "de"))
    assert hairy.pictures[0].tone.endswith(": Haare oder Struktur auf 45 % der Haut")
    assert page.safety.title == "Keine Diagnose."
