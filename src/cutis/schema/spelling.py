"""How an id is written: which spellings are one, and which may be.

One (`canonical`): what no one can see, and what a program changed on the way. Unicode forms of the same characters,
full-width and half-width letters, invisible characters, blanks of any kind and number, and the ".0" that a spreadsheet
gives a whole number. A question (`doubts`): case, leading zeros, blanks and punctuation, letters of another script that
look alike. Nobody but the source can answer it: "P7" and "p7" are one person in most hospitals, and two in some.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Literal

import polars as pl

from cutis.errors import CutisError, nearest

SameIds = Literal["ask", "fold", "keep"]  # what doubtful ids are: not said; one; different
SAME_IDS: tuple[SameIds, ...] = ("ask", "fold", "keep")

# Unicode's Default_Ignorable_Code_Point, and the control characters that aren't blanks.
_INVISIBLE = (
    r"\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_IGNORED = re.compile(f"[{_INVISIBLE}]")
_BLANKS = re.compile(r"[\s\x1c-\x1f\u2800]+")  # U+2800 is braille's empty cell
# Three zeros are left alone: "1.000" is a thousand in half of Europe.
_WHOLE = re.compile(r"([0-9]+)\.(?:0{1,2}|0{4,})")
# Polars' pattern of what `canonical` may change; anything else is as it should be.
_ODD = r"[^\x21-\x7e ]|^ | $|  |^[0-9]+\.0+$"
_WIDTHS = ("<wide>", "<narrow>")
# What people write for "not known" where an id is asked for.
_NOBODY = (
    *("unknown", "unk", "na", "n/a", "n.a.", "nan", "none", "null", "nil", "not specified", "not available"),
    *("missing", "<na>", "#n/a", "-", "--", "?", "."),
)

# Capitals and small letters of Cyrillic and Greek that look like Latin ones, after `str.casefold`.
_LOOKALIKE = str.maketrans("авекмнорстухіјѕαβεζηικμνορτυχ", "abekmhopctyxijsabezhikmnoptyx")
_DECIMAL = re.compile(r"(\d+)[.,]0+")


def canonical(text: str) -> str:
    """The one way in which this id is written here; "" if nothing visible is left of it.

    Twice is the same as once. "1.10", "1e3", "0007" and "A-12" stay as they are.
    """
    if not text.isascii():
        text = "".join(unicodedata.normalize("NFKC", c) if _other_width(c) else c for c in text)
        text = unicodedata.normalize("NFC", text)
    text = _BLANKS.sub(" ", _IGNORED.sub("", text)).strip()
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)  # what an invisible character kept apart
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def canonical_ids(ids: pl.Series, *, nobody: bool = False) -> pl.Series:
    """A column of ids in their canonical form, null where nothing visible is left.

    nobody: also null where the id says that nobody knows it ("n/a", "-"); not for image ids.
    """
    ids = ids.cast(pl.String)
    odd = ids.str.contains(_ODD) | (ids == "")
    if nobody:
        odd |= ids.str.to_lowercase().is_in(_NOBODY)
    changed = ids.filter(odd.fill_null(False)).unique()
    if not len(changed):
        return ids
    made = [canonical(i) or None for i in changed.to_list()]
    if nobody:
        made = [None if i is not None and i.lower() in _NOBODY else i for i in made]
    return ids.replace(changed, pl.Series(made, dtype=pl.String))


def lookalike(text: str) -> str:
    """`text` in small letters, with one letter for those of several scripts and widths that look alike."""
    return canonical(text).casefold().translate(_LOOKALIKE)


def folded(text: str) -> str:
    """What is left of an id without case, leading zeros, blanks, punctuation and look-alike scripts.

    Two ids that fold to the same may be one. Runs of letters and of digits stay apart: "A-12", "a12" and "A 012" fold
    to one, "1-12" and "11-2" don't.
    """
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).translate(_LOOKALIKE)
    whole = _DECIMAL.fullmatch(text)
    text = whole[1] if whole else text
    parts = ["".join(run).lstrip("0") or "0" if digits else "".join(run) for digits, run in _runs(text)]
    return " ".join(parts) or text


def folded_ids(ids: pl.Series) -> pl.Series:
    """`folded` of a column."""
    text = ids.cast(pl.String)
    plain = text.str.to_lowercase().str.replace(r"^([0-9]+)[.,]0+$", "${1}").str.replace_all("[^a-z0-9]+", " ")
    for two in (r"([a-z])([0-9])", r"([0-9])([a-z])"):
        plain = plain.str.replace_all(two, "${1} ${2}")
    plain = plain.str.replace_all(r"(^| )0+([0-9])", "${1}${2}").str.strip_chars(" ")
    hard = text.str.contains(r"[^\x20-\x7e]") | (plain == "")
    rare = text.filter(hard.fill_null(False)).unique()
    if not len(rare):
        return plain
    said = text.replace_strict(rare, pl.Series([folded(i) for i in rare.to_list()]), default=None)
    return pl.select(pl.coalesce(said, plain)).to_series().rename(ids.name)


@dataclass(frozen=True, slots=True)
class Doubt:
    """Spellings of one column that may be one id, the most frequent first; image: of each, the first image's id.

    certain: none of them is known to be another's (another lesion's patient), so that they can be joined.
    """

    column: str
    spellings: tuple[str, ...]
    images: tuple[str, ...]
    certain: bool = True

    @property
    def words(self) -> str:
        """'"P7" and "p7"'."""
        shown = [f'"{s}"' for s in self.spellings[:4]]
        more = f" and {len(self.spellings) - 4} more" if len(self.spellings) > 4 else ""
        return f"{', '.join(shown)}{more}" if more else f"{', '.join(shown[:-1])} and {shown[-1]}"


# Column -> columns that tell two of its ids apart for certain: a lesion has one patient, a photograph one lesion.
_APART: dict[str, tuple[str, ...]] = {
    "patient_id": (),
    "lesion_id": ("patient_id",),
    "image_id": ("patient_id", "lesion_id"),
}
_MANY = 40  # spellings of one, above which nobody looks which of them can be told apart


def doubts(table: pl.DataFrame, columns: Iterable[str] = tuple(_APART)) -> list[Doubt]:
    """Ids of `table` (canonical; with image_id) that may be one though they are spelled otherwise, sorted."""
    found = []
    for column in columns:
        if column not in table.columns:
            continue
        spelled = table[column].cast(pl.String).drop_nulls().unique().alias("spelling")
        several = pl.DataFrame([spelled, folded_ids(spelled).alias("key")]).filter(pl.len().over("key") > 1)
        if not len(several):
            continue
        apart = {f"apart_{c}": pl.col(c).cast(pl.String) for c in _APART.get(column, ()) if c in table.columns}
        own = table.select(spelling=pl.col(column).cast(pl.String), image=pl.col("image_id").cast(pl.String), **apart)
        own = own.join(several, on="spelling")
        firsts = [pl.col(c).drop_nulls().first() for c in apart]
        own = own.group_by("key", "spelling").agg(pl.len(), pl.col("image").min(), *firsts)
        own = own.with_columns(folded_ids(own[c]) for c in apart)
        own = own.sort("key", "len", "spelling", descending=[False, True, False])
        known = [pl.col(c).drop_nulls().n_unique().alias(f"n_{c}") for c in apart]
        groups = own.group_by("key", maintain_order=True).agg("spelling", "image", *apart, *known)
        for _, spellings, images, *rest in groups.iter_rows():
            if all(n <= 1 for n in rest[len(apart) :]):
                found.append(Doubt(column, tuple(spellings), tuple(images)))
            else:
                found += _some_apart(column, list(zip(spellings, images, *rest[: len(apart)], strict=True)))
    return found


def as_one(table: pl.DataFrame, found: Sequence[Doubt], *, certain: bool = False) -> pl.DataFrame:
    """`table` with the first of each doubt's spellings in place of all of them; image ids stay, as they name files.

    certain: only of doubts that are.
    """
    for column in dict.fromkeys(d.column for d in found if d.column != "image_id"):
        first = {s: d.spellings[0] for d in found if d.column == column and d.certain >= certain for s in d.spellings}
        table = table.with_columns(pl.col(column).replace(first))
    return table


def doubt_words(found: Sequence[Doubt]) -> list[str]:
    """A line a column: how many, and the first."""
    lines = []
    for column in dict.fromkeys(d.column for d in found):
        own = [d for d in found if d.column == column]
        what = column.removesuffix("_id")
        n = f"{len(own):,} {what}s may be" if len(own) > 1 else f"one {what} may be"
        lines.append(
            f"{n} spelled in several ways, with other case, leading zeros, blanks or punctuation (the first: "
            f"{own[0].words})"
        )
    return lines


def check_same_ids(given: str) -> None:
    """Raise CutisError for an answer that is none."""
    if given not in SAME_IDS:
        raise CutisError(f'--same-ids "{given}": {nearest(given, SAME_IDS)}')


def answered(table: pl.DataFrame, same_ids: SameIds) -> tuple[pl.DataFrame, list[Doubt], list[str]]:
    """`table` after what was said of its doubtful ids; the doubts that are left to ask about; and notes for its card.

    "fold" joins them to their commonest spelling, "keep" leaves them as different, "ask" leaves them as a question.
    """
    found = doubts(table)
    if same_ids == "keep":
        return table, [], [f"{line}: said to be different (--same-ids keep)" for line in doubt_words(found)]
    notes = []
    if same_ids == "fold":
        joined = [d for d in found if d.certain and d.column != "image_id"]
        table, found = as_one(table, joined, certain=True), [d for d in found if d not in joined]
        notes = [f"{line}: joined, as they were said to be one (--same-ids fold)" for line in doubt_words(joined)]
    asked = "cutis split keeps them together. Are they one (--same-ids fold) or different (--same-ids keep)?"
    return table, found, [*notes, *(f"{line}: {asked}" for line in doubt_words(found))]


def _some_apart(column: str, rows: list[tuple[str | None, ...]]) -> list[Doubt]:
    """rows: spelling, image, and what tells some apart. A doubt for each set of spellings that hang together."""

    def doubt(members: Sequence[int], certain: bool) -> Doubt:
        return Doubt(column, tuple(str(rows[i][0]) for i in members), tuple(str(rows[i][1]) for i in members), certain)

    if len(rows) > _MANY:
        return [doubt(range(len(rows)), certain=False)]
    together = {i: {i} for i in range(len(rows))}
    apart = set[tuple[int, int]]()
    for i, j in combinations(range(len(rows)), 2):
        if any(a is not None and b is not None and a != b for a, b in zip(rows[i][2:], rows[j][2:], strict=True)):
            apart.add((i, j))
        elif together[i] is not together[j]:
            both = together[i] | together[j]
            together.update(dict.fromkeys(both, both))
    sets = {id(s): sorted(s) for s in together.values() if len(s) > 1}
    return [doubt(s, certain=not any(pair in apart for pair in combinations(s, 2))) for s in sets.values()]


def _other_width(character: str) -> bool:
    return unicodedata.decomposition(character).startswith(_WIDTHS)


def _runs(text: str) -> Iterator[tuple[bool, list[str]]]:
    """Runs of digits, of any script, as Western ones (True), and of letters with their marks (False)."""

    def kind(character: str) -> bool | None:
        return True if character.isdecimal() else False if unicodedata.category(character)[0] in "LMN" else None

    for digits, run in groupby(text, kind):
        characters = list(run)
        if digits is not None:
            yield digits, [str(unicodedata.decimal(c)) for c in characters] if digits else characters
