"""What a case's history may be, and that a person's own number stays outside."""

from __future__ import annotations

from typing import Any

import pytest

from cutis.data.pseudonym import load_key, pseudonym
from cutis.serve.cases import CaseForm, case_form
from cutis.serve.kinds import Refused


def test_a_number_becomes_a_pseudonym() -> None:
    form = case_form(" 4711-K ", "left arm, 2", age=54)
    assert form.patient == pseudonym(load_key(), "patient", "4711-K")
    assert form.lesion == pseudonym(load_key(), "lesion", form.patient, "left arm, 2")
    assert "4711" not in form.model_dump_json()
    assert case_form("4711-K") == case_form("4711-K")
    assert case_form("4711-K", "1").lesion != case_form("4712-K", "1").lesion
    assert case_form() == CaseForm()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"age": 99}, {"age": 85}),
        ({"age": "54"}, {"age": 54}),
        ({"age": ""}, {"age": None}),
        ({"site": "back"}, {"site": "Trunk:Posterior trunk"}),
        ({"site": "posterior trunk"}, {"site": "Trunk:Posterior trunk"}),
        ({"site": "palms/soles"}, {"site": "acral palms or soles"}),
        ({"site": "Handflächen oder Fußsohlen"}, {"site": "acral palms or soles"}),
        ({"site": "Unterarm"}, {"site": "Upper extremity:Forearm"}),
        ({"site": "Ruecken"}, {"site": "Trunk:Posterior trunk"}),
        ({"site": "linker Unterarm"}, {"site": "Upper extremity:Forearm", "note": "linker Unterarm"}),
        (
            {"site": "Unterarm, li.", "note": "seit Mai"},
            {"site": "Upper extremity:Forearm", "note": "Unterarm, li.\nseit Mai"},
        ),
        ({"sex": "female"}, {"sex": "female"}),
        ({"symptoms": {"bleeding": True, "new": False}}, {"symptoms": {"new": False, "bleeding": True}}),
        ({"note": " grew\r\nin spring "}, {"note": "grew\nin spring"}),
        ({"visit_day": 0}, {"visit_day": 0}),
    ],
)
def test_what_is_kept(given: dict[str, Any], kept: dict[str, Any]) -> None:
    form = case_form(**given)
    assert {name: getattr(form, name) for name in kept} == kept


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"age": -1}, "age: "),
        ({"age": 200}, "age: "),
        ({"sex": "m"}, "sex: "),
        ({"site": "elbo"}, "site: .*Did you mean “Elbow”"),
        ({"site": "Rippe"}, "site: “Rippe” is no body site that is known here. Choose one from the list.$"),
        ({"symptoms": {"bleed": True}}, 'symptoms: "bleed" is not asked for: did you mean "bleeding"'),
        ({"symptoms": {"bleeding": "perhaps"}}, "symptoms.bleeding: "),
        ({"note": "a\0b"}, "note: holds control characters"),
        ({"note": "x" * 5000}, "note: "),
        ({"visit_day": 10**30}, "visit_day: "),
        ({"lesion": "1"}, "lesion: belongs to a patient"),
        ({"patient": "\ud800"}, "patient: holds control characters"),
        ({"name": "Anna"}, "name: "),
    ],
)
def test_what_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words) as told:
        case_form(**given)
    assert told.value.status == 422
    assert "\n" not in str(told.value)
