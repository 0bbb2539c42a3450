"""A case as it may be told to someone: what is hidden from them is not in it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from cutis.serve.cases.blind import hidden, priority_of
from cutis.serve.cases.reading import ask_set, named
from cutis.serve.kinds import Who
from cutis.serve.store.tables import Answer, Case, Photograph, Reading
from cutis.serve.workbench import Workbench


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class AnswerView(_View):
    """What a bundle said of a photograph. coverage: the share of cases like those it was calibrated on whose diagnosis
    `answer_set` was made to hold; None if the bundle is not served any more, or gives no sets."""

    bundle: str
    created_at: datetime
    status: str
    reason: str | None
    answer_set: list[str] | None
    probabilities: dict[str, float] | None
    ood: float | None
    coverage: float | None = None

    @classmethod
    def of(cls, answer: Answer, bench: Workbench) -> Self:
        bundle = bench.models.by_digest.get(answer.bundle)
        rule = bundle.card.conformal if bundle else None
        return cls.model_validate(answer).model_copy(update={"coverage": rule.coverage if rule else None})


class PhotographView(_View):
    """A picture, what was measured of it, and the answers to it. answers: None while they are hidden."""

    id: str
    kind: str
    width: int
    height: int
    mm_per_pixel: float | None
    quality: dict[str, Any]
    tone: dict[str, Any]
    answers: list[AnswerView] | None

    @classmethod
    def of(cls, photograph: Photograph, bench: Workbench, secret: bool) -> Self:
        return cls(
            id=photograph.id,
            kind=photograph.kind,
            width=photograph.width,
            height=photograph.height,
            mm_per_pixel=photograph.mm_per_pixel,
            quality=photograph.quality,
            tone=photograph.tone,
            answers=None if secret else [AnswerView.of(answer, bench) for answer in photograph.answers],
        )


class ReadingView(_View):
    """What a reader committed. reader: the account's name."""

    reader: str
    kind: str
    created_at: datetime
    diagnosis: str
    confidence: int | None
    management: str
    override: str
    checklists: dict[str, Any]

    @classmethod
    def of(cls, reading: Reading) -> Self:
        values = {name: getattr(reading, name) for name in cls.model_fields if name != "reader"}
        return cls(reader=reading.account.name, **values)


class RowView(_View):
    """A case in the queue. hidden: whether the model's answer is kept back until a blind reading. photograph: the first
    one's id."""

    id: str
    received_at: datetime
    state: str
    priority: int
    reasons: list[str]
    age: int | None
    sex: str | None
    site: str | None
    hidden: bool
    photograph: str
    photographs: int


class CaseView(RowView):
    """A whole case. set: every class that the model holds for possible, over all photographs; None if it refused them
    all, or while hidden. names: of class codes. readings: one's own only while hidden."""

    photographs: list[PhotographView]  # type: ignore[assignment]
    patient: str | None
    lesion: str | None
    visit_day: int | None
    symptoms: dict[str, bool]
    note: str
    set: list[str] | None
    names: dict[str, str]
    readings: list[ReadingView]


def row(case: Case, who: Who, bench: Workbench) -> RowView:
    """A line of the queue for `who`."""
    return RowView(**_row(case, hidden(case, who, bench.settings)), photographs=len(case.photographs))


def view(case: Case, who: Who, bench: Workbench) -> CaseView:
    """All of a case that `who` may know now."""
    secret = hidden(case, who, bench.settings)
    return CaseView(
        **_row(case, secret),
        photographs=[PhotographView.of(p, bench, secret) for p in case.photographs],
        patient=case.patient,
        lesion=case.lesion,
        visit_day=case.visit_day,
        symptoms=case.symptoms,
        note=case.note,
        set=None if secret else ask_set(case),
        names=named(case, bench.models),
        readings=[ReadingView.of(r) for r in case.readings if not secret or r.account_id == who.account_id],
    )


def _row(case: Case, secret: bool) -> dict[str, Any]:
    priority, reasons = priority_of(case, secret)
    return {
        "id": case.id,
        "received_at": case.received_at,
        "state": case.state,
        "priority": priority,
        "reasons": reasons,
        "age": case.age,
        "sex": case.sex,
        "site": case.site,
        "hidden": secret,
        "photograph": case.photographs[0].id,
    }
