"""What other people's cells say of a person or a lesion, in the manifest's words: one reading for tables and headers.

Import, evaluation, DICOM headers and further columns read ages, sexes, skin types, tones and sites here. A cell that
says something that can't be read as what its column is (an age "999", a skin type "III-IV") is unknown, as an empty one
is; but it is counted, and `Unread` says so. Nothing is guessed: an age is read where the cell determines the whole year
that the manifest would hold.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from cutis.errors import CutisError
from cutis.schema.sites import SPECIAL_SITES
from cutis.schema.vocabulary import FITZPATRICK, MAX_AGE, SITE_COLUMNS, site_levels
from cutis.tables import as_text

OLDEST = 130  # years; more is no age but a sentinel (999) or a year of birth

_UNKNOWN = {"", "unknown", "unk", "na", "n/a", "nan", "none", "null", "not specified"}
# Of an attribute these say no more; as a label "-" and "?" may be classes, so `known` keeps them.
_NOTHING = _UNKNOWN | {
    *("-", "--", "?", ".", "<na>", "#n/a", "n.a.", "nat", "missing", "unspecified", "undefined", "not available"),
    *("not known", "not recorded", "not reported", "not stated", "unbekannt", "keine angabe", "k.a.", "k. a."),
}
_EXAMPLES = 3

_YEARS = "y yr yrs year years yo y/o y.o years-old year-old j jahr jahre ans an anni anos años"
_MONTHS = "m mo mos mth mths month months monat monate mois mesi meses"
_WEEKS = "w wk wks week weeks woche wochen"
_DAYS = "d day days tag tage"
_PER_YEAR = {"": 1.0, **dict.fromkeys(_YEARS.split(), 1.0), **dict.fromkeys(_MONTHS.split(), 12.0)}
_PER_YEAR |= dict.fromkeys(_WEEKS.split(), 52.18) | dict.fromkeys(_DAYS.split(), 365.25)
_SIGNS = {
    **dict.fromkeys((">", ">=", "≥", "=>", "over", "über", "ab"), "from"),
    **dict.fromkeys(("<", "under", "unter"), "under"),
}
_NUMBER = r"\d{1,4}(?:[.,]\d+)?"
_AGE = re.compile(rf"(\D{{0,5}}?)\s*({_NUMBER})\s*([^\d+]*?)\s*(\+?)")
_RANGE = re.compile(rf"({_NUMBER})\s*(?:-|to|bis|\.\.)\s*({_NUMBER})\s*([^\d]*)")
# One letter after a number is a unit in DICOM, always of three digits (PS3.5, AS). Elsewhere "45M" may be a man of 45.
_AS = re.compile(r"\d{3}[dwmy]")
_MOST = {"m": 36, "w": 104}  # beyond it, months and weeks of one letter are as likely a man's and a woman's years
_SHORTHAND = re.compile(r"\d{1,3}\s?[fmw]")

_MALE = "m male man men boy männlich maennlich mann masculine masculin masculino hombre homme"
_FEMALE = "f female woman women girl w weiblich frau feminine feminin féminin femenino feminino mujer femme"
_SEXES = {**dict.fromkeys(_MALE.split(), "male"), **dict.fromkeys(_FEMALE.split(), "female")}
_TYPE = re.compile(r"^(?:(?:fst|fitzpatrick|(?:photo|skin|haut)?\s?type?)[ :_-]*)+")


def known(cell: str | None) -> str | None:
    """The cell, or None if it says that nothing is known."""
    return None if cell is None or cell.strip().casefold() in _UNKNOWN else cell.strip()


@dataclass(frozen=True, slots=True)
class Unread:
    """Cells of a column that say something, but nothing that can be read as what the column is; they are unknown.

    what: as which they can't be read ("years"). n: how many, of all `of`. examples: the commonest, where they are short
    and no dates: a cell may hold anything, and this is told in cards and reports.
    """

    column: str
    what: str
    n: int
    of: int
    examples: tuple[str, ...] = ()

    def words(self) -> str:
        """ "age_approx: 12 of 120 cells could not be read as years (999, 1975): unknown." """
        shown = f" ({', '.join(self.examples)})" if self.examples else ""
        return f"{self.column}: {self.n:,} of {self.of:,} cells could not be read as {self.what}{shown}: unknown."


def years(cell: str) -> int | None:
    """Whole years, above 85 as 85 (as in the ISIC Archive); None where the cell doesn't determine them.

    Read: "45", "45.0", "45,5", "45 y", "45 Jahre", DICOM's "045Y" and "018M", "10 weeks", "85+", ">90", "<1", "86-90".
    Not read: "60-65", "80+" and "<30", which are bands; below 0, above 130 (999, a year of birth); "45M", which may be
    months or a man.
    """
    text = _plain(cell)
    span = _RANGE.fullmatch(text)
    if span:
        lower, upper = (_in_years(span[i], span[3]) for i in (1, 2))
        return MAX_AGE if lower is not None and upper is not None and MAX_AGE <= lower <= upper else None
    found = _AGE.fullmatch(text)
    if not found:
        return None
    sign, number, unit, plus = found.groups()
    kind = "from" if plus else _SIGNS.get(sign)
    if (sign and sign not in _SIGNS) or (plus and sign):
        return None
    if unit in _MOST and not _AS.fullmatch(text) and float(number.replace(",", ".")) > _MOST[unit]:
        return None
    found_years = _in_years(number, unit)
    if found_years is None:
        return None
    if kind == "from":
        return MAX_AGE if found_years >= MAX_AGE else None
    if kind == "under":
        return 0 if 0 < found_years <= 1 else None
    return min(int(found_years), MAX_AGE)


def _in_years(number: str, unit: str) -> float | None:
    per_year = _PER_YEAR.get(unit.strip(" .-").replace(" ", "-"))
    value = float(number.replace(",", ".")) / per_year if per_year else -1.0
    return value if 0 <= value <= OLDEST else None


def sex(cell: str) -> str | None:
    """ "male" or "female", from English, German, French and Spanish words and from the letters m, f and w.

    None for other words, for which the manifest has none ("other", "divers"), and for numbers, as 1 is a man to some
    and a woman to others.
    """
    return _SEXES.get(_plain(cell))


def skin_type(cell: str) -> str | None:
    """Fitzpatrick type I..VI, from a Roman or an Arabic number, with or without "Type" or "FST" before it."""
    text = _TYPE.sub("", _plain(cell))
    if re.fullmatch(r"[1-6]([.,]0*)?", text):
        return FITZPATRICK[int(text[0]) - 1]
    return text.upper() if text.upper() in FITZPATRICK else None


def monk_tone(cell: str) -> int | None:
    """Monk skin tone 1..10, with or without "MST" or "Monk" before it."""
    found = re.fullmatch(r"(?:(?:mst|monk)[ :_-]*)?0?(\d{1,2})(?:[.,]0*)?", _plain(cell))
    return int(found[1]) if found and 1 <= int(found[1]) <= 10 else None


def site(cell: str) -> tuple[tuple[str | None, ...], str | None] | None:
    """anatom_site_1..5 and anatom_site_special; "_" counts as a space. None for a name that the vocabulary lacks."""
    text = _plain(cell.replace("_", " "))
    try:
        return site_levels(text), SPECIAL_SITES.get(text)
    except CutisError:
        return None


@dataclass(frozen=True)
class _Kind:
    what: str  # plural, for "could not be read as ..."
    dtype: pl.DataType
    read: Callable[[str], str | int | None]


READ: dict[str, _Kind] = {
    "age_approx": _Kind("years", pl.Int16(), years),
    "sex": _Kind("male or female", pl.String(), sex),
    "fitzpatrick_skin_type": _Kind("a Fitzpatrick type I to VI", pl.String(), skin_type),
    "monk_skin_tone": _Kind("a Monk skin tone 1 to 10", pl.Int8(), monk_tone),
}
SITE = "anatom_site"  # what a table calls a site, from which `read_sites` makes SITE_COLUMNS and anatom_site_special


def read_column(column: str, cells: pl.Series) -> tuple[pl.Series, Unread | None]:
    """The cells of one of the columns of READ as the manifest holds them, typed, and what could not be read.

    Judged together: one letter that may be a unit or a sex ("45M") is no unit where another cell is "45F"; "M" beside
    "H" is no sex, as it may be "mujer".
    """
    kind = READ[column]
    said = _said(cells)
    words = dict.fromkeys(text for text in said.unique().to_list() if text is not None)
    found = {text: kind.read(text) for text in words}
    for text in _doubtful(column, [_plain(text) for text in words]):
        found |= {word: None for word in words if _plain(word) == text}
    read = said.replace_strict(list(found), list(found.values()), default=None, return_dtype=kind.dtype)
    return read.alias(column), _unread(column, kind.what, said, read.is_null())


def read_value(column: str, cell: str | None) -> str | int | None:
    """One cell of one of the columns of READ; None if it is unknown or can't be read."""
    value: str | int | None = read_column(column, as_cells(column, [cell]))[0][0]
    return value


def read_sites(cells: pl.Series) -> tuple[pl.DataFrame, Unread | None]:
    """SITE_COLUMNS and anatom_site_special of cells that name sites, and what the ISIC vocabulary lacks."""
    said = _said(cells)
    found = {text: site(text) for text in said.unique().to_list() if text is not None}
    nothing: tuple[tuple[str | None, ...], str | None] = ((None,) * len(SITE_COLUMNS), None)
    rows = [nothing if text is None else found[text] or nothing for text in said.to_list()]
    frame = pl.DataFrame(
        {
            **{c: pl.Series([levels[i] for levels, _ in rows], dtype=pl.String) for i, c in enumerate(SITE_COLUMNS)},
            "anatom_site_special": pl.Series([special for _, special in rows], dtype=pl.String),
        }
    )
    lost = pl.Series([text is not None and found[text] is None for text in said.to_list()], dtype=pl.Boolean)
    return frame, _unread(SITE, "a site of the ISIC vocabulary", said, lost)


def _doubtful(column: str, words: Sequence[str]) -> Iterable[str]:
    """Which of the plain words can't be trusted to mean what they mean alone, for what stands in other cells."""
    if column == "sex" and "h" in words and not {"f", "w"} & set(words):
        return ("m",)
    if column == "age_approx":
        letters = [w for w in words if _SHORTHAND.fullmatch(w)]
        units = [w for w in letters if _AS.fullmatch(w)]
        if any(w.endswith("f") for w in letters):
            return letters
        if any(years(w) is None for w in letters if w not in units):
            return [w for w in letters if w not in units]
    return ()


def as_cells(name: str, cells: Iterable[object]) -> pl.Series:
    """Cells of any kind as a column of text."""
    return pl.Series(name, [None if cell is None else str(cell) for cell in cells], dtype=pl.String)


def _said(cells: pl.Series) -> pl.Series:
    """The cells as text, null where they say that nothing is known."""
    text = as_text(cells)
    nothing = [word for word in text.unique().to_list() if word is not None and _plain(word) in _NOTHING]
    return text.replace(nothing, [None] * len(nothing))


def _unread(column: str, what: str, said: pl.Series, lost: pl.Series) -> Unread | None:
    bad = said.filter(said.is_not_null() & lost)
    if not len(bad):
        return None
    counts = bad.value_counts(name="n").sort("n", bad.name, descending=[True, False])
    shown = [text.strip() for text in counts[bad.name].to_list() if _is_harmless(text.strip())]
    return Unread(column, what, len(bad), len(said), tuple(shown[:_EXAMPLES]))


def _is_harmless(cell: str) -> bool:
    """Whether a cell may be shown: short, at most two words, no address and no date."""
    return len(cell) <= 12 and cell.count(" ") < 2 and not re.search(r"@|\d[./-]\d+[./-]\d", cell)


def _plain(cell: str) -> str:
    """Without differences that only the eye sees: width, odd and invisible blanks, kinds of dash, case."""
    text = unicodedata.normalize("NFKC", cell)
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    text = re.sub(r"[\u2010-\u2015\u2212]", "-", text)
    return re.sub(r"\s+", " ", text).strip().casefold()
