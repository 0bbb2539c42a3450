"""Every word of the workbench that a person reads, by language: one TOML file each, beside this one.

A key is its path in the file, `t("queue.title")`. A text that depends on a number `n` is a table of "one" and "other";
`{name}` stands for a value. Keys and values are the same in every language, which a test holds. What a bundle calls its
classes is English; classes.<language>.toml has other languages' names for those that are known here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from functools import cache
from importlib.resources import files

from cutis.errors import CutisError, nearest
from cutis.schema.safety import SAFETY, Safety, safety
from cutis.schema.sites import level_names, site_name

LANGUAGES = tuple(SAFETY)
PLURAL = {"one", "other"}
_DECIMAL = {"en": ".", "de": ","}
_THOUSANDS = {"en": ",", "de": "."}
_OUT_OF = (10, 20, 50, 100, 200, 500, 1000)

Text = str | Mapping[str, str]


@dataclass(frozen=True)
class Words:
    """The texts of one language. texts: dotted key -> text, or its two forms. classes: the file of that name."""

    language: str
    texts: Mapping[str, Text]
    classes: Mapping[str, str]

    @classmethod
    def of(cls, language: str) -> Words:
        """Read once. Raises CutisError, naming the nearest, for a language that there is none of."""
        if language not in LANGUAGES:
            raise CutisError(f'language "{language}": {nearest(language, LANGUAGES)}')
        return _read(language)

    def t(self, key: str, /, **values: object) -> str:
        """The text of `key`, with `values` in their places; `n` picks its form. Plain text: a template escapes it.

        Raises CutisError for a key that there is none of, and for a value that the text asks for and didn't get.
        """
        found = self.texts.get(key)
        if found is None:
            raise CutisError(f'words: no text "{key}": {nearest(key, self.texts)}')
        text = found if isinstance(found, str) else found["one" if values.get("n") == 1 else "other"]
        shown = {name: self.number(v) if type(v) in (int, float) else v for name, v in values.items()}  # type: ignore[arg-type]
        try:
            return text.format_map(shown)
        except KeyError as missing:
            raise CutisError(f'words: "{key}" needs a value for {missing}.') from None

    def has(self, key: str) -> bool:
        return key in self.texts

    def under(self, prefix: str) -> dict[str, str]:
        """The texts right below `prefix`, by the rest of their key: {"male": "male", ...} of "sex"."""
        start = f"{prefix}."
        found = {key.removeprefix(start): text for key, text in self.texts.items() if key.startswith(start)}
        return {key: text for key, text in found.items() if "." not in key and isinstance(text, str)}

    def class_name(self, name: str) -> str:
        """What a class of this English name is called; its own name, where it isn't known here.

        A name with a sign ("melanoma?", "BRAF+") says something of its own, and isn't the name without it.
        """
        plain = re.fullmatch(r"[\w\s(),./'-]*[\w)]", name) is not None
        return self.classes.get(re.sub(r"\W+", "_", name.casefold()).strip("_"), name) if plain else name

    def site(self, path: str | None) -> str:
        """What the finest level of a body site's path is called; "" for none."""
        return site_name(path, self.language) if path else ""

    def site_levels(self, path: str | None) -> str:
        """All levels of it: "Upper extremity › Forearm"."""
        return " › ".join(level_names(path or "", self.language))

    @property
    def safety(self) -> Safety:
        return safety(self.language)

    def number(self, value: float, digits: int | None = None) -> str:
        """ "1,512", "4.75", in German "1.512", "4,75". digits: after the point; None is as few as it takes."""
        text = f"{value:,}" if digits is None else f"{value:,.{digits}f}"
        swap = {",": _THOUSANDS[self.language], ".": _DECIMAL[self.language], "-": "\N{MINUS SIGN}"}
        return "".join(swap.get(sign, sign) for sign in text)

    def percent(self, share: float, digits: int = 0) -> str:
        """ "63 %" of 0.63. What isn't quite all or nothing isn't said to be: ">99 %", "<1 %"."""
        least = 10.0**-digits
        if 0 < share < 1 and not least / 2 <= 100 * share < 100 - least / 2:
            edge = ("<", least) if share < 0.5 else (">", 100 - least)
            return f"{edge[0]}{self.number(edge[1], digits)}\N{NO-BREAK SPACE}%"
        return f"{self.number(100 * share, digits)}\N{NO-BREAK SPACE}%"

    def coverage(self, share: float) -> str:
        """What a set was made for, in natural frequencies: "in 9 of 10 cases like those it was calibrated on". Whether
        it does elsewhere is for `cutis.serve.promises` to say.

        share: what the set was calibrated to, 0..1. Never more than it is: 0.8999 is 899 of 1000.
        """
        exact = Fraction(share).limit_denominator(10_000)
        whole = next((of for of in _OUT_OF if (exact * of).denominator == 1), _OUT_OF[-1])
        return self.t("answer.coverage", k=int(exact * whole), of=whole)

    def day(self, when: datetime) -> str:
        """ "22 November 2026", in UTC."""
        at = when.astimezone(UTC)
        return self.t("time.date", day=str(at.day), month=self.t(f"month.{at.month}"), year=str(at.year))


@cache
def _read(language: str) -> Words:
    folder = files(__package__)
    text = (folder / f"{language}.toml").read_text(encoding="utf-8")
    classes = folder / f"classes.{language}.toml"
    names = tomllib.loads(classes.read_text(encoding="utf-8")) if classes.is_file() else {}
    return Words(language, dict(_flat(tomllib.loads(text))), names)


def _flat(table: Mapping[str, object], prefix: str = "") -> list[tuple[str, Text]]:
    found: list[tuple[str, Text]] = []
    for name, value in table.items():
        if isinstance(value, Mapping) and set(value) != PLURAL:
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", value))  # type: ignore[arg-type]
    return found
