"""What is asked for a case and for a reading, checked; a person's own number goes no further than here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cutis.data.pseudonym import load_key, pseudonym
from cutis.errors import CutisError, nearest
from cutis.schema.dermoscopy import score
from cutis.schema.sites import find_site, suggest_site
from cutis.schema.vocabulary import MAX_AGE
from cutis.serve.clinical.history import SYMPTOMS
from cutis.serve.kinds import Refused
from cutis.serve.words import Words

MOST_NOTE = 4000
MOST_DAYS = 40_000  # a long life


def _plain(text: str) -> str:
    """Trimmed, and such as every database and page can hold: no NUL, no other controls but line breaks and tabs, no
    half of a surrogate pair."""
    text = text.replace("\r\n", "\n").strip()
    if any((ch < " " and ch not in "\n\t") or ch == "\x7f" or "\ud800" <= ch <= "\udfff" for ch in text):
        raise ValueError("holds control characters; send plain text")
    return text


def _line(text: str) -> str:
    text = _plain(text)
    if "\n" in text:
        raise ValueError("is one line; the note may have several")
    return text


class UnknownSite(ValueError):
    """A site that isn't known, and the name that was probably meant, if any."""

    def __init__(self, typed: str) -> None:
        self.typed, self.meant = typed[:80], suggest_site(typed)
        super().__init__(_unknown_site(Words.of("en"), self))


def _unknown_site(words: Words, unknown: UnknownSite) -> str:
    said = words.t("new.site_unknown", typed=unknown.typed)
    told = words.t("new.site_meant", name=unknown.meant) if unknown.meant else words.t("new.site_choose")
    return f"{said} {told}"


def _site(name: str) -> str:
    """The vocabulary's full path, or the Archive's special name where a name covers several regions. A side is no part
    of either: see `case_form`."""
    if name.strip().casefold() in ("", "unknown"):
        return ""
    found = find_site(name, sides=True)
    if found is None:
        raise UnknownSite(name)
    return found.path or found.special


def _checklists(filled: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Only what can be scored is kept."""
    try:
        for name, items in filled.items():
            score(name, items)
    except CutisError as error:
        raise ValueError(str(error)) from None
    return filled


def _symptoms(answers: dict[str, bool]) -> dict[str, bool]:
    """In the order in which they are asked."""
    for name in answers:
        if name not in SYMPTOMS:
            raise ValueError(f'"{name[:80]}" is not asked for: {nearest(name, SYMPTOMS)}')
    return {name: answers[name] for name in SYMPTOMS if name in answers}


Plain = Annotated[str, AfterValidator(_plain)]
Line = Annotated[str, AfterValidator(_line)]


class CaseForm(BaseModel):
    """The history that comes with pictures. Everything may be unknown.

    patient, lesion: pseudonyms already (`case_form` makes them). visit_day: days since the patient's first visit; if
    unknown, counted from the patient's first case here. age: in years, kept up to 85. site: any name of the ISIC
    vocabulary, in English or German. symptoms: name -> yes or no. bundle: digest of the bundle that reads it, else the
    server's first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    patient: Annotated[Line, Field(max_length=64)] | None = None
    lesion: Annotated[Line, Field(max_length=64)] | None = None
    visit_day: Annotated[int, Field(ge=0, le=MOST_DAYS)] | None = None
    age: Annotated[int, Field(ge=0, le=130), AfterValidator(lambda years: min(years, MAX_AGE))] | None = None
    sex: Literal["male", "female"] | None = None
    site: Annotated[Line, Field(max_length=128), AfterValidator(_site)] | None = None
    symptoms: Annotated[dict[str, bool], AfterValidator(_symptoms)] = {}
    note: Annotated[Plain, Field(max_length=MOST_NOTE)] = ""
    bundle: Annotated[str, Field(max_length=64)] | None = None


class ReadingForm(BaseModel):
    """What a reader commits.

    kind: "blind", before the model's answer is shown, or "signed", which ends the case. diagnosis: a class code or name
    of the bundle, or the reader's own words. confidence: 0 (a guess) to 100 (certain). override: why the diagnosis is
    not in the model's set, or why a signed case is corrected. checklists: name -> item -> value.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "kind": "signed",
                    "diagnosis": "nv",
                    "confidence": 80,
                    "management": "Photograph again in 3 months",
                    "override": "",
                    "checklists": {},
                }
            ]
        },
    )
    kind: Literal["blind", "signed"]
    diagnosis: Annotated[Line, Field(min_length=1, max_length=200)]
    confidence: Annotated[int, Field(ge=0, le=100)] | None = None
    management: Annotated[Line, Field(max_length=200)] = ""
    override: Annotated[Plain, Field(max_length=MOST_NOTE)] = ""
    checklists: Annotated[dict[str, dict[str, Any]], Field(max_length=10), AfterValidator(_checklists)] = {}


def case_form(
    patient: str | None = None, lesion: str | None = None, *, words: Words | None = None, **known: Any
) -> CaseForm:
    """A form as a person fills it: `patient` in the clinic's own number, `lesion` in its own words.

    Both are kept as keyed pseudonyms only (`cutis.data.pseudonym`), by which the same patient is found again. A site
    with a side ("linker Unterarm") is kept as it was typed too, in the note, as the vocabulary has no sides. words: of
    the person's language, for what is said of a site that isn't known. Raises Refused 422, naming the field.
    """
    known = {name: value for name, value in known.items() if value not in (None, "")}
    typed = str(known.get("site") or "")
    found = find_site(typed, sides=True)
    if found is not None and found.side:
        known["note"] = "\n".join(filter(None, (typed.strip(), str(known.get("note") or ""))))
    person, place = (patient or "").strip(), (lesion or "").strip()
    if place and not person:
        raise Refused(422, "lesion: belongs to a patient. Give the patient as well, or neither.")
    if person:
        known["patient"] = patient_pseudonym(person)
    if place:
        known["lesion"] = pseudonym(load_key(), "lesion", known["patient"], _encodable("lesion", place))
    return checked(CaseForm, known, words)


def patient_pseudonym(number: str) -> str:
    """The pseudonym under which a patient's own number is kept."""
    return pseudonym(load_key(), "patient", _encodable("patient", number.strip()))


def checked[Form: BaseModel](form: type[Form], values: Mapping[str, Any], words: Words | None = None) -> Form:
    """The form filled with `values`. Raises Refused 422: one line for the first field that is wrong, in the language of
    `words` where it is of a body site."""
    try:
        return form.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        cause = (first.get("ctx") or {}).get("error")
        if words is not None and isinstance(cause, UnknownSite):
            raise Refused(422, f"{words.t('new.site')}: {_unknown_site(words, cause)}") from None
        field = ".".join(str(part)[:40] for part in first["loc"]) or "form"
        said = first["msg"].removeprefix("Value error, ").strip()
        raise Refused(422, f"{field}: {said[:1].lower()}{said[1:]}") from None


def _encodable(field: str, text: str) -> str:
    try:
        return _line(text[:200])
    except ValueError as error:
        raise Refused(422, f"{field}: {error}") from None
