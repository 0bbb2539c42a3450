"""What a table's column says, and so what has to become of it: unless it is known to be harmless, it goes.

By name first, then by what its cells hold:
  pseudonym   names an image, patient, lesion, case...: every cell a keyed pseudonym
  days        dates: days since the patient's first date in any of the tables
  age         whole years, 85 and more as 85 (as in the ISIC Archive)
  keep        a field of the manifest that is no identity, in short words; or numbers below 1000
  drop        everything else: free text, names, addresses, dates of birth, long numbers, words of no known meaning
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from cutis.data.readers.csv_folder import ALIASES
from cutis.data.readers.values import known
from cutis.schema.vocabulary import MAX_AGE

_FIELDS = {name: meaning for meaning, names in ALIASES.items() for name in names}
_FIELDS |= {"diagnosis_name": "diagnosis", "malignant": "target", "benign_malignant": "target"}
# What names somebody or something -> kind of pseudonym: the same kind and cell give the same one in every table.
_IDENTITIES = {
    "image_id": "image", "file": "image", "mask": "image", "lesion_id": "lesion", "patient_id": "patient",
    "case_id": "case", "source": "source",
}  # fmt: skip
_PEOPLE = {"patient", "patientid", "subject", "person", "participant", "pid", "mrn"}
_WORDS = {
    "target", "diagnosis", "diagnosis_confirm_type", "anatom_site", "anatom_site_special", "sex", "image_type",
    "fitzpatrick_skin_type", "image_manipulation", "copyright_license", "source_split", "labels", "labels_unknown",
    "monk_skin_tone", "dermoscopic_type", *(n for n in ALIASES if re.fullmatch(r"(diagnosis|anatom_site)_\d", n)),
}  # fmt: skip
# A part of a name that makes numbers tell who, where or when.
_TELLING = {
    "name", "birth", "birthdate", "birthday", "born", "dob", "phone", "tel", "telephone", "mobile", "fax", "mail",
    "email", "zip", "zipcode", "postal", "postcode", "plz", "address", "street", "city", "town", "ssn", "insurance",
    "account", "serial", "ip", "url", "lat", "latitude", "lon", "lng", "longitude", "gps", "uid", "number", "nr", "no",
    "hash", "sha256", "md5", "year", "month", "day", "room", "record", "date", "time",
}  # fmt: skip
_BIRTH = {"birth", "birthdate", "birthday", "born", "dob"}
_LONGEST = 64  # characters of a cell that is a word, not free text
_LARGEST = 1000
# Orders in which a date is written; one that could be read two ways is none.
_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y")


@dataclass(frozen=True)
class Column:
    """action: "pseudonym" (of a `kind`), "days" (from `dates`), "age", "keep" or "drop" (and `why`)."""

    action: str
    why: str = ""
    kind: str = ""
    dates: tuple[date | None, ...] = field(default=(), repr=False)


def column_of(name: str, cells: Sequence[str]) -> Column:
    """What is to become of the column `name`; cells: stripped text, "" where empty."""
    plain = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip()).lower()).strip("_")
    parts = set(plain.split("_"))
    meaning = _FIELDS.get(plain, plain)
    full = [cell for cell in map(known, cells) if cell is not None]
    if meaning in _IDENTITIES:
        return Column("pseudonym", kind=_IDENTITIES[meaning])
    if parts & _PEOPLE and parts <= _PEOPLE | {"id", "no", "nr", "number", "uid"}:
        return Column("pseudonym", kind="patient")
    if parts & _BIRTH:
        return Column("drop", "a date of birth")
    if plain.endswith("_id"):
        return Column("pseudonym", kind=plain.removesuffix("_id"))
    if not full:
        return Column("drop", "empty")
    if meaning == "age_approx" or "age" in parts:
        return Column("age") if all(map(_is_age, full)) else Column("drop", "ages that are no numbers of years")
    if meaning in _WORDS:
        return Column("keep") if all(map(_is_word, full)) else Column("drop", "free text")
    dates = _dates(cells)
    if dates is not None:
        return Column("days", dates=dates)
    if parts & {"date", "datetime", "time"}:
        return Column("drop", "dates or times that can't be read for certain")
    if parts & _TELLING:
        return Column("drop", "its name tells of who, where or when")
    if not re.fullmatch(r"[A-Za-z][\w .%()-]{0,40}", name) or re.search(r"\d{4}", name):
        return Column("drop", "a header that looks like a value")
    if all(map(_is_small_number, full)):
        return Column("keep")
    return Column("drop", "numbers of 1000 and more" if all(map(_is_number, full)) else "free text, or unknown words")


def clamped_age(cell: str) -> str:
    """Whole years, at most 85; "" if unknown."""
    text = known(cell)
    return "" if text is None else str(min(int(float(text.removesuffix("+"))), MAX_AGE))


def _is_age(cell: str) -> bool:
    return re.fullmatch(r"\d{1,3}(\.\d+)?\+?", cell) is not None


def _is_word(cell: str) -> bool:
    """Short, and without a long number, an address or a date in it."""
    return len(cell) <= _LONGEST and not re.search(r"\d{4}|@|\d[./-]\d+[./-]\d", cell)


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", cell) is not None


def _is_small_number(cell: str) -> bool:
    return cell.lower() in ("true", "false") or (_is_number(cell) and abs(float(cell)) < _LARGEST)


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
