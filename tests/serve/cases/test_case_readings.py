"""Blind, then signed; what is hidden from whom; what must be said to go against the model."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cutis.errors import CutisError
from cutis.schema.classes import ClassInfo
from cutis.serve import cases, trail
from cutis.serve.cases import ReadingForm, find, hidden
from cutis.serve.cases.forms import checked
from cutis.serve.kinds import Refused, Who
from cutis.serve.store.engine import Store
from cutis.serve.store.tables import Account, Answer, Case, Photograph
from cutis.serve.words import Words

A, B = Who(1, "reader-a", "reader", "clinic"), Who(2, "reader-b", "reader", "clinic")
CLASSES = (
    ClassInfo(code="nv", name="Nevus", malignant=False),
    ClassInfo(code="mel", name="Melanoma", malignant=True),
    ClassInfo(code="bcc", name="Basal cell carcinoma", malignant=True),
)


def bench_of(blind: bool) -> Any:
    bundle = SimpleNamespace(classes=CLASSES, card=SimpleNamespace(conformal=None))
    return SimpleNamespace(
        settings=SimpleNamespace(blind=blind),
        models=SimpleNamespace(by_digest={"m": bundle}),
        words=Words.of("en"),
    )


@pytest.fixture
def one(store: Store) -> Store:
    """A store with a case "c": a close-up whose set is nv, and a dermoscopy picture whose set is nv, bcc."""
    with store.begin() as session:
        session.add_all([Account(name=who.name, role="reader", team="clinic") for who in (A, B)])
        session.flush()
        case = Case(id="c", team="clinic", opened_by=1, priority=41, reasons=["bleeding", "malignant_possible"])
        case.symptoms = {"bleeding": True}
        case.history_priority, case.history_reasons = 40, ["bleeding"]
        for place, answer in enumerate((["nv"], ["nv", "bcc"])):
            said = Answer(bundle="m", status="ok", answer_set=answer, probabilities={"nv": 0.8, "bcc": 0.2})
            picture = Photograph(
                place=place, kind="close-up", digest="0" * 64, media_type="image/png", width=9, height=9, answers=[said]
            )
            case.photographs.append(picture)
        session.add(case)
    return store


def read(
    store: Store, bench: Any, who: Who, kind: str = "signed", diagnosis: str = "nv", **more: Any
) -> cases.CaseView:
    with store.begin() as session:
        cases.commit(
            session,
            bench,
            who,
            find(session, who, "c"),
            checked(ReadingForm, {"kind": kind, "diagnosis": diagnosis, **more}),
        )
        return cases.view(find(session, who, "c"), who, bench)


def seen(store: Store, bench: Any, who: Who) -> cases.CaseView:
    with store.reading() as session:
        return cases.view(find(session, who, "c"), who, bench)


def test_openly(one: Store) -> None:
    bench = bench_of(blind=False)
    before = seen(one, bench, A)
    assert (before.hidden, before.set, before.state) == (False, ["nv", "bcc"], "waiting")
    assert before.names == {"nv": "Nevus", "mel": "Melanoma", "bcc": "Basal cell carcinoma"}
    with pytest.raises(Refused, match="no reading is blind") as told:
        read(one, bench, A, "blind")
    assert told.value.status == 409
    after = read(one, bench, A, confidence=70, management="Photograph again in 3 months")
    assert after.state == "signed"
    assert [(r.reader, r.kind, r.diagnosis, r.confidence) for r in after.readings] == [("reader-a", "signed", "nv", 70)]
    with one.reading() as session:
        [entry] = trail.of_subject(session, "c")
        assert (entry.actor, entry.action) == ("reader-a", "reading.signed")
        assert [line for line in trail.compare(session).differences if "reading" in line] == []


def test_blind_first(one: Store) -> None:
    bench = bench_of(blind=True)
    for who in (A, B):
        before = seen(one, bench, who)
        assert (before.hidden, before.set, [p.answers for p in before.photographs]) == (True, None, [None, None])
        assert (before.priority, before.reasons) == (40, ["bleeding"])  # as the history has it
    with pytest.raises(Refused, match="blind reading first") as told:
        read(one, bench, A)
    assert told.value.status == 409
    told_a = read(one, bench, A, "blind", "mel")  # outside the set; nobody may ask why before it was shown
    assert (told_a.hidden, told_a.set, told_a.state) == (False, ["nv", "bcc"], "read")
    assert (told_a.priority, told_a.reasons) == (41, ["bleeding", "malignant_possible"])
    still = seen(one, bench, B)  # the other reader knows neither the model's answer nor the first reading
    assert (still.hidden, still.set, still.readings) == (True, None, [])
    with pytest.raises(Refused, match="read this case already"):
        read(one, bench, A, "blind")
    with pytest.raises(Refused, match="blind reading first"):
        read(one, bench, B)
    told_b = read(one, bench, B, "blind")
    assert [r.diagnosis for r in told_b.readings] == ["mel", "nv"]
    signed = read(one, bench, A)
    assert (signed.state, [r.kind for r in signed.readings]) == ("signed", ["blind", "blind", "signed"])
    third = Who(3, "reader-c", "reader", "clinic")
    assert not seen(one, bench, third).hidden  # what is signed is finished
    with pytest.raises(Refused, match="blind any more"):
        read(one, bench, B, "blind")


def test_the_trail_hides_what_the_case_hides(one: Store) -> None:
    bench = bench_of(blind=True)
    with one.begin() as session:
        trail.append(session, A.name, "prediction", "c", {"set": ["nv", "bcc"]})
    read(one, bench, A, "blind", "mel")
    with one.reading() as session:
        entries = {who: cases.of_case(session, who, bench.settings, find(session, who, "c")) for who in (A, B)}
        assert [e.content is None for e in entries[A]] == [False, False]
        assert [e.content is None for e in entries[B]] == [True, True]
        assert [e.content is None for e in cases.of_team(session, B, bench.settings)] == [True, True]
        assert [e.content is None for e in cases.of_team(session, B, bench_of(False).settings)] == [False, False]
        stranger = Who(3, "x", "curator", "elsewhere")
        assert cases.of_team(session, stranger, bench.settings) == []


@pytest.mark.parametrize("diagnosis", ["mel", "Melanoma", "MELANOMA", "spitz naevus"])
def test_against_the_model_with_a_reason(one: Store, diagnosis: str) -> None:
    bench = bench_of(blind=False)
    with pytest.raises(Refused, match=r"not in the model's list \(Nevus, Basal cell carcinoma\)") as told:
        read(one, bench, A, diagnosis=diagnosis)
    assert told.value.status == 422
    assert seen(one, bench, A).state == "waiting"
    after = read(one, bench, A, diagnosis=diagnosis, override="An atypical network that it doesn't see.")
    kept = "spitz naevus" if "spitz" in diagnosis else "mel"
    assert (after.readings[0].diagnosis, after.readings[0].override[:11]) == (kept, "An atypical")


@pytest.mark.parametrize("diagnosis", ["nv", "NV", "nevus", "Basal cell carcinoma", " bcc "])
def test_with_the_model_without_one(one: Store, diagnosis: str) -> None:
    assert read(one, bench_of(blind=False), A, diagnosis=diagnosis).readings[0].diagnosis in ("nv", "bcc")


def test_no_reason_is_asked_where_the_model_refused(one: Store) -> None:
    with one.begin() as session:
        for picture in find(session, A, "c").photographs:
            picture.answers[-1].status = "refused"
    bench = bench_of(blind=False)
    assert seen(one, bench, A).set is None
    assert read(one, bench, A, diagnosis="mel").state == "signed"


def test_a_correction_stands_beside_the_first(one: Store) -> None:
    bench = bench_of(blind=False)
    read(one, bench, A)
    with pytest.raises(Refused, match="Say why it is corrected"):
        read(one, bench, B, diagnosis="bcc")
    after = read(one, bench, B, diagnosis="bcc", override="Histology.")
    assert [(r.reader, r.diagnosis) for r in after.readings] == [("reader-a", "nv"), ("reader-b", "bcc")]


def test_two_who_sign_at_once(one: Store) -> None:
    """The second has the case as it was before the first signed; it must meet what is true now."""
    if one.engine.dialect.name == "sqlite":
        pytest.skip("SQLite's writers take turns from their first statement on")
    bench = bench_of(blind=False)
    with one.begin() as session:
        stale = find(session, B, "c")
        read(one, bench, A)
        assert stale.state == "waiting"
        with pytest.raises(Refused, match="Say why it is corrected"):
            cases.commit(session, bench, B, stale, ReadingForm(kind="signed", diagnosis="nv"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "draft"}, "kind"),
        ({"diagnosis": ""}, "diagnosis"),
        ({"diagnosis": "x" * 201}, "diagnosis"),
        ({"diagnosis": "a\0b"}, "control characters"),
        ({"diagnosis": "a\nb"}, "one line"),
        ({"confidence": 101}, "confidence"),
        ({"override": "\ud800"}, "control characters"),
        ({"checklists": {"abcd": 3}}, "checklists"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_form_that_is_wrong(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words) as told:
        checked(ReadingForm, {"kind": "signed", "diagnosis": "nv"} | changes)
    assert told.value.status == 422
    assert "\n" not in str(told.value)


def test_a_checklist_must_be_one(one: Store) -> None:
    bench = bench_of(blind=False)
    with pytest.raises(CutisError, match="three_point"):
        read(one, bench, A, checklists={"three_points": {"asymmetry": True}})
    assert seen(one, bench, A).state == "waiting"
    after = read(one, bench, A, checklists={"three_point": {"asymmetry": True}})
    assert after.readings[0].checklists == {"three_point": {"asymmetry": True}}


@pytest.mark.parametrize(
    ("blind", "state", "readers", "kept_back"),
    [
        (False, "waiting", [], False),
        (True, "waiting", [], True),
        (True, "read", [2], True),
        (True, "read", [2, 1], False),
        (True, "signed", [2], False),
    ],
)
def test_hidden(blind: bool, state: str, readers: list[int], kept_back: bool) -> None:
    case: Any = SimpleNamespace(state=state, readings=[SimpleNamespace(account_id=i) for i in readers])
    settings: Any = SimpleNamespace(blind=blind)
    assert hidden(case, A, settings) is kept_back
