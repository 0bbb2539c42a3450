"""The checklists of dermoscopy (and the patients' one) as data, and the one arithmetic that scores them.

Each list is a TOML file in `checklists/`: its items with their points, the bands of the total, sources and what was
measured of it. Points are decimals, so that 4.8 is 4.8. A list that isn't filled in whole has a verdict as soon as what
is missing can't change it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from cutis.errors import CutisError, nearest

# In the order in which they are offered.
CHECKLISTS = ("seven_point", "seven_point_revised", "abcd", "menzies", "three_point", "weighted_seven_point")


@dataclass(frozen=True)
class Item:
    """One thing to look for, worth `points` a unit.

    kind: "yes-no"; "number", a whole one of low..high; "several", the options that are seen, or how many of them.
    negative: a feature that speaks against (Menzies): it earns nothing, and seen, the list is in its lowest band.
    group: of items that belong together ("major", "minor", "negative", "positive"), or "".
    """

    name: str
    points: Decimal = Decimal(1)
    kind: Literal["yes-no", "number", "several"] = "yes-no"
    low: int = 0
    high: int = 1
    options: tuple[str, ...] = ()
    negative: bool = False
    group: str = ""


@dataclass(frozen=True)
class Band:
    """Where the total is `at_least` so much, or `above` it; neither for the lowest band."""

    name: str
    at_least: Decimal | None = None
    above: Decimal | None = None

    def holds(self, total: Decimal) -> bool:
        return (self.at_least is None or total >= self.at_least) and (self.above is None or total > self.above)


@dataclass(frozen=True)
class Measured:
    """What a study found of a list at a cut: percent, with 95 % intervals where it gives them."""

    cut: str
    sensitivity: float
    specificity: float
    source: str
    sensitivity_interval: tuple[float, float] | None = None
    specificity_interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Checklist:
    """One list. picture: what it is read from, "dermoscopy" or "patient". bands: from the lowest to the highest."""

    name: str
    picture: str
    source: str
    items: tuple[Item, ...]
    bands: tuple[Band, ...]
    measured: tuple[Measured, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether all points are whole numbers."""
        return all(item.points == int(item.points) for item in self.items)

    def total(self, values: Mapping[str, int]) -> Decimal:
        return sum((i.points * values[i.name] for i in self.items if not i.negative), Decimal(0))

    def band(self, values: Mapping[str, int]) -> str:
        """The highest band that the total reaches; the lowest if a negative feature is seen."""
        if any(values[i.name] for i in self.items if i.negative):
            return self.bands[0].name
        total = self.total(values)
        return next(band.name for band in reversed(self.bands) if band.holds(total))


@dataclass(frozen=True)
class Scored:
    """A list as far as it is filled in. total: with the least that the missing items may add; most: with the most.

    verdict: the band's name, None as long as the missing items could change it. values: item -> number seen.
    """

    name: str
    total: float
    most: float
    verdict: str | None
    missing: tuple[str, ...] = ()
    values: Mapping[str, int] = field(default_factory=dict)


def score(name: str, filled: Mapping[str, Any]) -> Scored:
    """Score list `name` of `CHECKLISTS`. filled: item -> what was seen; None, or absent, is not filled in.

    A yes-no item takes true or false, a number a whole number of its range, a choice of several a list of its options
    (an empty one is not filled in) or how many there are. Raises CutisError for an unknown list or item and for a value
    that can't be, with what can.
    """
    rule = checklist(name)
    items = {item.name: item for item in rule.items}
    for key in filled:
        if key not in items:
            raise CutisError(f'checklist {name}: item "{key}": {nearest(key, items)}')
    values = {key: _read(item, filled.get(key), name) for key, item in items.items()}
    seen = {key: value for key, value in values.items() if value is not None}
    least = {key: item.high if item.negative else item.low for key, item in items.items()} | seen
    most = {key: item.low if item.negative else item.high for key, item in items.items()} | seen
    bands = rule.band(least), rule.band(most)
    number = int if rule.whole else float
    return Scored(
        name=name,
        total=number(rule.total(least)),
        most=number(rule.total(most)),
        verdict=bands[0] if bands[0] == bands[1] else None,
        missing=tuple(key for key, value in values.items() if value is None),
        values=seen,
    )


def total_dermoscopy_score(a: int, b: int, c: int, d: int) -> float:
    """TDS = 1.3 A + 0.1 B + 0.5 C + 0.5 D, 1.0..8.9 (Stolz et al., Eur J Dermatol 4, 1994).

    A: asymmetric axes 0..2. B: abrupt sectors 0..8. C: colours 1..6. D: structures 1..5. Below 4.75 benign, from 4.75
    to 5.45 suspicious, above 5.45 highly suspicious of melanoma (Nachbar et al., J Am Acad Dermatol 30, 1994).
    Raises CutisError for a number out of its range.
    """
    return score("abcd", {"asymmetry": a, "border": b, "colours": c, "structures": d}).total


def checklist(name: str) -> Checklist:
    """The definition of a list. Raises CutisError, naming the nearest, for one that there is none of."""
    if name not in CHECKLISTS:
        raise CutisError(f'checklist "{name}": {nearest(name, CHECKLISTS)}')
    return _load(name)


def _read(item: Item, value: Any, name: str) -> int | None:
    where = f"checklist {name}: {item.name}"
    if value is None or (isinstance(value, list) and not value):
        return None
    if item.kind == "yes-no":
        if not isinstance(value, bool):
            raise CutisError(f"{where}: {value!r:.40}; expected true or false.")
        return int(value)
    if item.kind == "several" and isinstance(value, list | tuple | set | frozenset):
        for option in value:
            if option not in item.options:
                raise CutisError(f'{where}: "{option!s:.40}": {nearest(option, item.options)}')
        value = len(set(value))
    whole = not isinstance(value, bool) and hasattr(value, "__index__")  # numpy's integers are whole numbers too
    if not whole or not item.low <= value <= item.high:
        raise CutisError(f"{where}: {value!r:.40}; expected a whole number, {item.low} to {item.high}.")
    return int(value)


@cache
def _load(name: str) -> Checklist:
    text = (files(__package__) / "checklists" / f"{name}.toml").read_text(encoding="utf-8")
    raw: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
    return Checklist(
        name=name,
        picture=raw["picture"],
        source=raw["source"],
        items=tuple(_item(item) for item in raw["items"]),
        bands=tuple(
            Band(b["name"], *(Decimal(b[cut]) if cut in b else None for cut in ("at_least", "above")))
            for b in raw["bands"]
        ),
        measured=tuple(_measured(study) for study in raw.get("measured", ())),
    )


def _item(raw: Mapping[str, Any]) -> Item:
    options = tuple(raw.get("options", ()))
    high = {"high": len(options)} if options else {}
    return Item(**{**raw, **high, "points": Decimal(raw.get("points", 1)), "options": options})


def _measured(raw: Mapping[str, Any]) -> Measured:
    between = {key: tuple(float(end) for end in raw[key]) for key in raw if key.endswith("_interval")}
    percent = {key: float(raw[key]) for key in ("sensitivity", "specificity")}
    return Measured(cut=raw["cut"], source=raw["source"], **percent, **between)  # type: ignore[arg-type]
