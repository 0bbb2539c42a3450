"""What a table's column says, and so what has to become of it: unless it is known to be harmless, it goes.

By name first, then by what its cells hold:
  pseudonym   names an image, patient, lesion, case...: every cell a keyed pseudonym
  days        dates: days since the patient's first date in any of the tables
  age         whole years, 85 and more as 85 (as in the ISIC Archive); other cells go
  words       a field with a vocabulary (`cutis.data.deidentify.words`): its words stay, all other cells go
  numbers     numbers below 1000 under a header of plain words
  keep        as it is, because the user says so
  drop        everything else: free text, names, addresses, dates of birth, long numbers, words of no known meaning
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from cutis.data.deidentify.words import VOCABULARIES, is_number, is_plain_header
from cutis.data.readers.csv_folder import ALIASES
from cutis.data.values import known
from cutis.schema.values import years

_FIELDS = {name: meaning for meaning, names in ALIASES.items() for name in names}
_FIELDS |= {"diagnosis_name": "diagnosis", "malignant": "target", "benign_malignant": "target"}
# What names somebody or something -> kind of pseudonym: the same kind and cell give the same one in every table.
_IDENTITIES = {
    "image_id": "image", "file": "image", "mask": "image", "lesion_id": "lesion", "patient_id": "patient",
    "case_id": "case", "source": "source",
}  # fmt: skip
_PEOPLE = {"patient", "patientid", "subject", "person", "participant", "pid", "mrn"}
# A part of a name that makes numbers tell who, where or when.
_TELLING = {
    "name", "birth", "birthdate", "birthday", "born", "dob", "phone", "tel", "telephone", "mobile", "fax", "mail",
    "email", "zip", "zipcode", "postal", "postcode", "plz", "address", "street", "city", "town", "ssn", "insurance",
    "account", "serial", "ip", "url", "lat", "latitude", "lon", "lng", "longitude", "gps", "uid", "number", "nr", "no",
    "hash", "sha256", "md5", "year", "month", "day", "room", "record", "date", "time",
}  # fmt: skip
_BIRTH = {"birth", "birthdate", "birthday", "born", "dob"}
# Orders in which a date is written; one that could be read two ways is none.
_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y")


@dataclass(frozen=True)
class Column:
    """action: "pseudonym" (of a `kind`), "days" (from `dates`), "age", "words" (of a `kind` of field), "numbers",
    "keep" or "drop" (and `why`). plain: whether its header holds no name, so that it may stay."""

    action: str
    why: str = ""
    kind: str = ""
    dates: tuple[date | None, ...] = field(default=(), repr=False)
    plain: bool = True


def column_of(name: str, cells: Sequence[str]) -> Column:
    """What is to become of the column `name`; cells: stripped text, "" where empty."""
    plain = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip()).lower()).strip("_")
    parts = set(plain.split("_"))
    harmless = is_plain_header(name.strip())
    meaning = _FIELDS.get(plain, plain)
    full = [cell for cell in map(known, cells) if cell is not None]
    if meaning in _IDENTITIES:
        return Column("pseudonym", kind=_IDENTITIES[meaning], plain=_is_ascii(name))
    if parts & _PEOPLE and parts <= _PEOPLE | {"id", "no", "nr", "number", "uid"}:
        return Column("pseudonym", kind="patient", plain=_is_ascii(name))
    if parts & _BIRTH:
        return Column("drop", "a date of birth")
    if plain.endswith("_id"):
        return Column("pseudonym", kind=plain.removesuffix("_id"), plain=harmless)
    if not full:
        return Column("drop", "empty")
    if meaning == "age_approx" or "age" in parts:
        return Column("age", plain=harmless or (_is_ascii(name) and meaning == "age_approx"))
    if meaning in VOCABULARIES:
        return Column("words", kind=meaning, plain=_is_ascii(name))
    dates = _dates(cells)
    if dates is not None:
        return Column("days", dates=dates, plain=harmless)
    if parts & {"date", "datetime", "time"}:
        return Column("drop", "dates or times that can't be read for certain")
    if parts & _TELLING:
        return Column("drop", "its name tells of who, where or when")
    if not harmless:
        return Column("drop", "its name is none that is known")
    if all(map(is_number, full)):
        return Column("numbers")
    return Column("drop", "numbers of 1000 and more" if all(map(_is_number, full)) else "free text, or unknown words")


def clamped_age(cell: str) -> str:
    """Whole years, at most 85; "" if unknown, or no age."""
    text = known(cell)
    found = None if text is None else years(text)
    return "" if found is None else str(found)


def _is_ascii(name: str) -> bool:
    """Whether what was left out to compare a header is no letter."""
    return re.fullmatch(r"[A-Za-z0-9 _.-]+", name.strip()) is not None


def _is_number(cell: str) -> bool:
    return is_number(cell, float("inf"))


def _dates(cells: Sequence[str]) -> tuple[date | None, ...] | None:
    """The column as dates if every known cell is one, in one order, and in one order only."""
    readings = {reading for order in _DATES if (reading := _read(cells, order)) is not None}
    return readings.pop() if len(readings) == 1 else None


def _read(cells: Sequence[str], order: str) -> tuple[date | None, ...] | None:
    found: list[date | None] = []
    for cell in cells:
        text = known(cell)
        if text is None:
            found.append(None)
            continue
        try:
            day = datetime.strptime(re.split(r"[T ]", text, maxsplit=1)[0], order).date()
        except ValueError:
            return None
        if not 1900 <= day.year <= 2100:
            return None
        found.append(day)
    return tuple(found)
