"""The workbench's tables. Readings and the trail are only ever added to; nobody's name or file name is a column.

Times are UTC, with their zone. Ids that a browser sees are random, not counted. JSON columns hold plain data.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, Index, String, Text, TypeDecorator, text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

ROLES = ("reader", "curator", "admin")  # each may do what those before it may
STATES = ("waiting", "read", "signed")  # read: a blind first reading is committed
# Accounts that nobody can log in as, made by the server itself, and their roles.
NOBODYS = {"local": "admin", "watch folder": "reader"}
PICTURES = ("overview", "close-up", "dermoscopy")


def now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    """16 URL-safe characters of 96 random bits."""
    return secrets.token_urlsafe(12)


class Moment(TypeDecorator[datetime]):
    """A time in UTC; SQLite forgets the zone, so it is put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    type_annotation_map = {datetime: Moment, dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012


class Account(Base):
    """Who may work here. password: an argon2id hash, or None for the local account, which can't log in."""

    __tablename__ = "accounts"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    password: Mapped[str | None] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(16))
    team: Mapped[str] = mapped_column(String(64), default="clinic")
    created_at: Mapped[datetime] = mapped_column(default=now)
    disabled: Mapped[bool] = mapped_column(default=False)
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]


class Login(Base):
    """One browser's session. digest: SHA-256 of the cookie's token, so that a stolen database opens nothing."""

    __tablename__ = "logins"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    csrf: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    account: Mapped[Account] = relationship()


class Case(Base):
    """One lesion at one visit, of one team.

    patient, lesion: keyed pseudonyms. visit_day: days since the patient's first visit. site: a name of the ISIC
    vocabulary. symptoms: name -> bool, of `cutis.serve.clinical.history.SYMPTOMS`. priority: higher is sooner.
    reasons: codes that say why. history_priority, history_reasons: the same as if no model had answered; which of the
    two a reader is told, `cutis.serve.cases.blind` decides.
    """

    __tablename__ = "cases"
    id: Mapped[str] = mapped_column(String(16), primary_key=True, default=new_id)
    team: Mapped[str] = mapped_column(String(64))
    opened_by: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    received_at: Mapped[datetime] = mapped_column(default=now)
    patient: Mapped[str | None] = mapped_column(String(64))
    lesion: Mapped[str | None] = mapped_column(String(64))
    visit_day: Mapped[int | None]
    age: Mapped[int | None]
    sex: Mapped[str | None] = mapped_column(String(16))
    site: Mapped[str | None] = mapped_column(String(128))
    symptoms: Mapped[dict[str, Any]] = mapped_column(default=dict)
    note: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    priority: Mapped[int] = mapped_column(default=0)
    reasons: Mapped[list[Any]] = mapped_column(default=list)
    history_priority: Mapped[int] = mapped_column(default=0, server_default="0")
    history_reasons: Mapped[list[Any]] = mapped_column(default=list, server_default=text("'[]'"))
    photographs: Mapped[list[Photograph]] = relationship(back_populates="case", order_by="Photograph.place")
    readings: Mapped[list[Reading]] = relationship(back_populates="case", order_by="Reading.id")

    __table_args__ = (
        Index("cases_queue", "team", "state", "priority", "received_at", "id"),
        Index("cases_blind_queue", "team", "state", "history_priority", "received_at", "id"),
        Index("cases_patient", "team", "patient", "lesion", "visit_day"),
    )


class Request(Base):
    """A case that a program asked for under a key of its own, so that asking again opens nothing twice.

    content: SHA-256 of all that was sent.
    """

    __tablename__ = "requests"
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    content: Mapped[str] = mapped_column(String(64))
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)


class Photograph(Base):
    """One de-identified picture of a case. digest: SHA-256 of the file kept. mm_per_pixel: of the file kept, if known.

    quality: what `cutis.image.assess` measured. tone: the estimate with its uncertainty. dicom: what of a DICOM file's
    header is needed to write results beside it, de-identified.
    """

    __tablename__ = "photographs"
    id: Mapped[str] = mapped_column(String(16), primary_key=True, default=new_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    place: Mapped[int] = mapped_column(default=0)
    kind: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64), index=True)
    media_type: Mapped[str] = mapped_column(String(32))
    width: Mapped[int]
    height: Mapped[int]
    mm_per_pixel: Mapped[float | None]
    quality: Mapped[dict[str, Any]] = mapped_column(default=dict)
    tone: Mapped[dict[str, Any]] = mapped_column(default=dict)
    dicom: Mapped[dict[str, Any] | None]
    case: Mapped[Case] = relationship(back_populates="photographs")
    answers: Mapped[list[Answer]] = relationship(back_populates="photograph", order_by="Answer.id")


class Answer(Base):
    """What one bundle said of one photograph. bundle: its digest. The fields are those of a row of predictions."""

    __tablename__ = "answers"
    id: Mapped[int] = mapped_column(primary_key=True)
    photograph_id: Mapped[str] = mapped_column(ForeignKey("photographs.id", ondelete="CASCADE"), index=True)
    bundle: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=now)
    status: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(Text)
    predicted: Mapped[str | None] = mapped_column(String(64))
    answer_set: Mapped[list[Any] | None]
    probabilities: Mapped[dict[str, Any] | None]
    ood: Mapped[float | None]
    photograph: Mapped[Photograph] = relationship(back_populates="answers")


class Reading(Base):
    """What a reader committed of a case; never changed, a correction is another reading.

    kind: "blind" (before the model's answer was shown) or "signed". diagnosis: a class code of the bundle, or the
    reader's own words. override: why it is not in the model's set. checklists: name -> what was filled in.
    """

    __tablename__ = "readings"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    kind: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(default=now)
    diagnosis: Mapped[str] = mapped_column(String(200))
    confidence: Mapped[int | None]
    management: Mapped[str] = mapped_column(String(200), default="")
    override: Mapped[str] = mapped_column(Text, default="")
    checklists: Mapped[dict[str, Any]] = mapped_column(default=dict)
    case: Mapped[Case] = relationship(back_populates="readings")
    account: Mapped[Account] = relationship()


class Entry(Base):
    """One link of the audit trail: digest = SHA-256 of the canonical JSON of all the others, `previous` among them."""

    __tablename__ = "trail"
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(String(40))
    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(64), index=True)
    content: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))


class Identity(Base):
    """One row: by which the folder of pictures knows its store, and when that was made."""

    __tablename__ = "identity"
    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    created_at: Mapped[datetime]
