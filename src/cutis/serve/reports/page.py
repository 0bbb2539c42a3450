"""What the one-page report says, in words, in the order in which it is read; a template only has to draw it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cutis import __version__
from cutis.schema.safety import Safety
from cutis.schema.vocabulary import MAX_AGE
from cutis.serve.clinical.checklists import score_all
from cutis.serve.clinical.red_flags import red_flags
from cutis.serve.clinical.refusal import Refusal, refusals, tone_reason
from cutis.serve.clinical.triage import listed as shown_as
from cutis.serve.clinical.triage import overrides
from cutis.serve.promises import Promise
from cutis.serve.reports.material import Material
from cutis.serve.reports.observations import class_of
from cutis.serve.store.tables import Answer, Photograph, Reading

MOST_PICTURES = 3  # that a page has room for
Row = tuple[str, str]


@dataclass(frozen=True)
class Told:
    """A bundle's answer to one photograph.

    listed: (name, "malignant", "benign", or "neither benign nor malignant") of the answers in the list, most probable
    first; empty if it refused. promise: what the list promises, and on what that rests; None if it refused. count: what
    its length means. refused: why, and what helps; empty if it answered.
    """

    photograph: int
    listed: list[Row]
    promise: Promise | None
    count: str
    refused: list[Refusal]
    model: str


@dataclass(frozen=True)
class Read:
    """A reading. rows: (what, value). checklists: (title, score in words) of those that were filled in."""

    who: str
    diagnosis: str
    rows: list[Row]
    checklists: list[Row]


@dataclass(frozen=True)
class Picture:
    """A photograph on the page. place: from 1."""

    id: str
    place: int
    kind: str
    faults: list[str]
    tone: str


@dataclass(frozen=True)
class Page:
    """The whole report.

    status: signed by whom, or that it is preliminary. facts, provenance: (what, value). history, denied: what was asked
    and answered with yes, and with no. override: that the flags outweigh the model's answer, or "". more: how many
    photographs there was no room for, in words, or "". doubts: of the models as such. promises: of all lists, each
    sentence once.
    """

    title: str
    status: str
    final: bool
    facts: list[Row]
    history: list[str]
    denied: list[str]
    red_flags: list[str]
    override: str
    pictures: list[Picture]
    more: str
    conclusion: Read | None
    blind: list[Read]
    model: list[Told]
    doubts: list[str]
    promises: list[str]
    safety: Safety
    provenance: list[Row] = field(default_factory=list)


def report(material: Material) -> Page:
    """The page of a case that may be shown: not of one whose answer is still hidden."""
    m, case, t = material, material.case, material.words.t
    signed = m.signed
    told = [_told(photograph, answer, m) for photograph, answer in m.answers]
    given = [one.promise for one in told if one.promise is not None]
    shown = case.photographs[:MOST_PICTURES]
    left = len(case.photographs) - len(shown)
    return Page(
        title=t("report.title"),
        status=t("report.signed", name=signed.account.name, when=m.words.day(signed.created_at))
        if signed
        else t("report.preliminary"),
        final=signed is not None,
        facts=_facts(m),
        history=[t(f"symptom.{name}") for name, there in case.symptoms.items() if there],
        denied=[t(f"symptom.{name}") for name, there in case.symptoms.items() if not there],
        red_flags=[t(f"red_flags.{code}") for code in red_flags(case.symptoms)],
        override=t("red_flags.override") if overrides(m.reasons) else "",
        pictures=[_picture(photograph, m) for photograph in shown],
        more=t("report.more_pictures", n=left) if left else "",
        conclusion=_read(signed, m) if signed else None,
        blind=[_read(reading, m) for reading in m.blind],
        model=told,
        doubts=list(dict.fromkeys(line for one in given for line in one.doubts)),
        promises=list(dict.fromkeys(line for one in given for line in (*one.said, *one.basis))),
        safety=m.words.safety,
        provenance=_provenance(m),
    )


def _facts(m: Material) -> list[Row]:
    case, t = m.case, m.words.t
    age = t("age.from_85") if case.age == MAX_AGE else t("age.years", n=case.age) if case.age is not None else ""
    sex = t(f"sex.{case.sex}") if case.sex else ""
    rows = [
        ("case", case.id),
        ("patient", case.patient),
        ("lesion", case.lesion),
        ("age_sex", ", ".join(filter(None, (age, sex)))),
        ("site", m.words.site_levels(case.site)),
        ("received", m.words.day(case.received_at)),
        ("visit", t("time.visit_day", n=case.visit_day) if case.visit_day is not None else ""),
    ]
    return [(t(f"report.{key}"), value or t("app.not_provided")) for key, value in rows]


def _told(photograph: Photograph, answer: Answer, m: Material) -> Told:
    t, classes = m.words.t, m.classes(answer.bundle)
    card = m.cards.get(answer.bundle)
    codes = shown_as(answer) if answer.status == "ok" else ()
    known = {c.code: (m.words.class_name(c.name), _side(c.malignant, m)) for c in classes.values()}
    listed = [known.get(code, (code, "")) for code in codes]
    n, of = len(listed), len(answer.probabilities or ())
    count = "one" if n == 1 else "all" if n == of else "most" if 2 * n > of else "many"
    return Told(
        photograph=photograph.place + 1,
        listed=listed,
        promise=m.promise(answer.bundle, photograph.kind) if listed else None,
        count=t(f"answer.{count}", n=n) if listed else "",
        refused=refusals(answer.status, answer.reason, m.words),
        model=t("answer.model", name=card.backbone if card else "?", digest=answer.bundle[:12]),
    )


def _side(malignant: bool | None, m: Material) -> str:
    return m.words.t({True: "answer.malignant", False: "answer.benign", None: "answer.indeterminate"}[malignant])


def _read(reading: Reading, m: Material) -> Read:
    t = m.words.t
    when, info = m.words.day(reading.created_at), class_of(reading.diagnosis, m)
    rows = [
        (t("report.confidence"), t("reading.of_100", n=reading.confidence) if reading.confidence is not None else ""),
        (t("report.management"), reading.management),
        (t("report.override"), reading.override),
    ]
    who = "reading.signed_by" if reading.kind == "signed" else "reading.committed_by"
    return Read(
        who=t(who, name=reading.account.name, when=when),
        diagnosis=m.words.class_name(info.name) if info else reading.diagnosis,
        rows=[(what, value) for what, value in rows if value],
        checklists=[(t(f"checklist.{s.name}.title"), s.words) for s in score_all(reading.checklists, m.words)],
    )


def _picture(photograph: Photograph, m: Material) -> Picture:
    t = m.words.t
    codes = [reason["code"] for reason in photograph.quality.get("reasons", ())]
    return Picture(
        id=photograph.id,
        place=photograph.place + 1,
        kind=t(f"kind.{photograph.kind}"),
        faults=[refused.title for code in codes for refused in refusals("refused", code, m.words)],
        tone=tone(photograph.tone, m),
    )


def tone(found: Mapping[str, object], m: Material) -> str:
    """The estimate with its interval, or why there is none; in one line."""
    t, number = m.words.t, m.words.number
    ita, low, high = found.get("ita"), found.get("low"), found.get("high")
    if isinstance(ita, float) and isinstance(low, float) and isinstance(high, float):
        return t("tone.ita", value=number(ita, 0), low=number(low, 0), high=number(high, 0))
    reason = tone_reason(m.words, found)
    return t("tone.refused", reason=reason) if reason else t("tone.not_measured")


def _provenance(m: Material) -> list[Row]:
    t = m.words.t
    bundles = [
        (t("report.bundle"), f"{card.backbone}, {card.dataset}: {digest}" if (card := m.cards.get(digest)) else digest)
        for digest in m.digests
    ]
    licences = dict.fromkeys(card.licence.answer for digest in m.digests if (card := m.cards.get(digest)))
    pictures = [(f"{t('report.picture_digest')} {p.place + 1}", p.digest) for p in m.case.photographs[:MOST_PICTURES]]
    return [
        *bundles,
        *((t("report.licence"), answer) for answer in licences),
        *pictures,
        (t("report.software"), t("app.version", version=__version__)),
        (t("report.made"), _minute(m.made)),
    ]


def _minute(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"
