"""Recipes of classes: which entities a class holds, their ranges of looks and how often each structure is there.

They are data, `recipes.toml` beside this file, with their sources; a file of your own changes them. `sample_lesion`
draws from them.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from cutis.errors import CutisError, nearest
from cutis.phantom.classes import CODES, GENERIC
from cutis.phantom.parts import Lesion, Structure
from cutis.phantom.scene import RANGES, check_codes
from cutis.phantom.vocabulary import STRUCTURES

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """How often an entity has a structure, and within what ranges it looks: see `scene.Structure` for their meaning.

    probability: 0..1. offset: of the structure's centre from the lesion's, in radii. source: who counted the
    probability, "guess" if nobody.
    """

    kind: str
    probability: float
    strength: Range
    irregularity: Range
    size: Range
    extent: Range
    offset: Range
    count: Range = (0, 0)
    source: str = "guess"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One kind of lesion within a class, and its share of the class (shares are relative).

    elongation, bumpiness: of the outline, in radii. abrupt: share of the eight edges that end abruptly; edge: width of
    the others, mm. The rest as in `scene.Lesion`.
    """

    name: str
    share: float = 1.0
    radius: Range
    elongation: Range
    bumpiness: Range
    abrupt: Range
    edge: Range
    pigment: Range
    redness: Range
    depth: Range
    mottle: Range
    lopsided: Range
    structures: tuple[Feature, ...]


Recipes = Mapping[str, tuple[Entity, ...]]

_LIMITS: dict[str, Range] = {
    **RANGES, "elongation": (0, 0.4), "bumpiness": (0, 0.15), "abrupt": (0, 1), "edge": (0, 10), "offset": (0, 1),
    "probability": (0, 1), "share": (0, 1),
}  # fmt: skip
_BUMPS = 8  # orders of the outline
_FALL = np.array([0.0, 0.0, *(3 / np.arange(3, _BUMPS + 1)) ** 1.3])  # of bumps of higher order
_ABRUPT = (0.08, 0.2)  # mm
_DOMINANT, _SHARED, _TIGHT = 0.8, 0.8, 0.22  # naevi of one style: of one entity, of one habit, of one look (our guess)
_HABITS = {kind: place for place, kind in enumerate(STRUCTURES)}


def load_recipes(path: Path | str) -> Recipes:
    """Recipes from a TOML file; what it doesn't give stays as in the phantom's own `recipes.toml`, the pattern for it.

    Raises CutisError, naming the file, the key and what it may be, for anything that can't be.
    """
    path = Path(path)
    try:
        mine = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CutisError(f"{path}: can't be read ({error.strerror}).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CutisError(f"{path}: not valid TOML ({error}).") from None
    return _read(mine, str(path))


def _read(mine: dict[str, Any], where: str) -> Recipes:
    built = tomllib.loads(Path(__file__).with_name("recipes.toml").read_text(encoding="utf-8"))
    codes = (*CODES, GENERIC)
    _known(mine, ("lesion", "structures", *codes), where)
    merged = {**built, **mine}
    lesion = {**built["lesion"], **_table(mine, "lesion", where)}
    given = _table(mine, "structures", where)
    _known(given, STRUCTURES, f"{where}: [structures]")
    defaults = {
        kind: {**built["structures"][kind], **_table(given, kind, f"{where}: [structures]")} for kind in STRUCTURES
    }
    for table, what, taken in (
        (lesion, "[lesion]", _names(Entity) - {"name", "share", "structures"}),
        *((defaults[kind], f"[structures] {kind}", _names(Feature) - {"kind"}) for kind in STRUCTURES),
    ):
        for key in table:
            _known({key: None}, taken, f"{where}: {what}")
    recipes = {}
    for code in codes:
        tables = merged[code]
        if not (isinstance(tables, list) and tables and all(isinstance(table, dict) for table in tables)):
            raise CutisError(f"{where}: {code}: expected one or more tables; write [[{code}]] above each.")
        recipes[code] = tuple(
            _entity({"name": code, **lesion, **table}, defaults, f"{where}: {code}") for table in tables
        )
        if not sum(entity.share for entity in recipes[code]) > 0:
            raise CutisError(f"{where}: {code}: no entity has a share above 0.")
    return recipes


def _entity(table: dict[str, Any], defaults: Mapping[str, dict[str, Any]], where: str) -> Entity:
    where = f"{where} ({table['name']})"
    given = _table(table, "structures", where)
    _known(given, STRUCTURES, where)
    features = []
    for kind in STRUCTURES:
        if kind in given:
            inside = f"{where}: {kind}"
            features.append(_fill(Feature, {"kind": kind, **defaults[kind], **_table(given, kind, where)}, inside))
    return _fill(Entity, {**table, "structures": tuple(features)}, where)


def _fill[Part: (Entity, Feature)](cls: type[Part], table: dict[str, Any], where: str) -> Part:
    """Make a part from a table, each value checked against its type and limits."""
    _known(table, _names(cls), where)
    made: dict[str, Any] = {}
    for field in fields(cls):
        if field.name not in table:
            if field.name in ("count", "source", "share"):
                continue
            raise CutisError(f"{where}: {field.name} is missing.")
        value = table[field.name]
        if field.type == "Range":
            made[field.name] = _range(value, field.name, where)
        elif field.type == "float":
            low, high = _LIMITS[field.name]
            if not (_number(value) and low <= value <= high):
                raise CutisError(f"{where}: {field.name} is {value}; expected a number in {low:g}..{high:g}.")
            made[field.name] = float(value)
        elif field.type == "str" and not isinstance(value, str):
            raise CutisError(f"{where}: {field.name} is {value}; expected text in quotes.")
        else:
            made[field.name] = value
    return cls(**made)


def _range(value: Any, name: str, where: str) -> Range:
    low, high = _LIMITS[name]
    if not (
        isinstance(value, list) and len(value) == 2 and all(map(_number, value)) and low <= value[0] <= value[1] <= high
    ):
        raise CutisError(f"{where}: {name} is {value}; expected [least, most] within {low:g}..{high:g}.")
    return float(value[0]), float(value[1])


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _table(content: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    table = content.get(key, {})
    if not isinstance(table, dict):
        raise CutisError(f"{where}: {key} is {table}; expected a table of keys and values.")
    return table


def _known(content: Mapping[str, Any], valid: Any, where: str) -> None:
    for key in content:
        if key not in valid:
            raise CutisError(f'{where}: unknown key "{key}": {nearest(key, valid)}')


def _names(cls: type) -> set[str]:
    return {field.name for field in fields(cls)}


RECIPES: Recipes = _read({}, "recipes.toml")


@dataclass(frozen=True, slots=True)
class Style:
    """What the naevi of one person have in common: where in each range of the recipe they lie, all 0..1.

    pattern: which entity. habits: of each of `STRUCTURES`, whether there.
    """

    pattern: float
    radius: float
    pigment: float
    redness: float
    mottle: float
    strength: float
    irregularity: float
    size: float
    habits: tuple[float, ...]


def sample_style(rng: np.random.Generator) -> Style:
    """The naevus style of one person."""
    looks = [field.name for field in fields(Style) if field.name != "habits"]
    drawn = dict(zip(looks, rng.random(len(looks)).tolist(), strict=True))
    return Style(**drawn, habits=tuple(rng.random(len(STRUCTURES)).tolist()))


def sample_lesion(
    rng: np.random.Generator, diagnosis: str, recipes: Recipes = RECIPES, *, style: Style | None = None
) -> Lesion:
    """Draw a lesion of a class (a code of `CODES`, or "generic") at the skin's origin.

    style: naevi ("nv") keep to it: most naevi of a person share one pattern (a dominant one in 83 % of people: Scope et
    al., J Cutan Med Surg 10, 2006) and much of their look; other classes take no notice. A naevus drawn without the
    style is the ugly duckling. Raises CutisError for an unknown class.
    """
    check_codes([diagnosis], recipes, "diagnosis")
    if diagnosis != "nv":
        style = None
    entities = recipes[diagnosis]
    draws = rng.random(15).tolist()
    which, keep, turn, start, widest = draws[:5]
    if style and keep < _DOMINANT:
        which = style.pattern
    entity = _choose(entities, which)

    def held(name: str) -> float | None:
        return getattr(style, name) if style else None

    def within(limits: Range, draw: float, near: float | None = None, loose: float = _TIGHT) -> float:
        if near is not None:
            draw = min(max(near + loose * (2 * draw - 1), 0.0), 1.0)
        return limits[0] + (limits[1] - limits[0]) * draw

    logs = math.log(entity.radius[0]), math.log(entity.radius[1])
    radius = math.exp(within(logs, draws[5], held("radius"), loose=0.35))
    bumps = within(entity.bumpiness, draws[6]) * _FALL * rng.random(_BUMPS)
    bumps[1] = within(entity.elongation, draws[7])
    ends = round(8 * within(entity.abrupt, draws[8]))
    first = int(8 * start)
    width = min(within(entity.edge, widest), 0.45 * radius)
    edges = [width * (0.8 + 0.4 * u) for u in rng.random(8).tolist()]
    for k, u in enumerate(rng.random(ends).tolist()):
        edges[(first + k) % 8] = _ABRUPT[0] + (_ABRUPT[1] - _ABRUPT[0]) * u

    structures = []
    for feature, row in zip(entity.structures, rng.random((len(entity.structures), 10)).tolist(), strict=True):
        there, again, strength, irregularity, size, count, offset, way, extent, seed = row
        if style and again < _SHARED:
            there = style.habits[_HABITS[feature.kind]]
        if there >= feature.probability:
            continue
        far = within(feature.offset, offset)
        structures.append(
            Structure(
                kind=feature.kind,
                strength=within(feature.strength, strength, held("strength")),
                irregularity=within(feature.irregularity, irregularity, held("irregularity")),
                x=far * math.cos(2 * math.pi * way),
                y=far * math.sin(2 * math.pi * way),
                extent=within(feature.extent, extent),
                size=within(feature.size, size, held("size")),
                count=round(within(feature.count, count)),
                seed=int(seed * 2**32),
            )
        )
    return Lesion(
        diagnosis=diagnosis,
        radius=radius,
        bumps=tuple(bumps.tolist()),
        phases=tuple((2 * math.pi * rng.random(_BUMPS)).tolist()),
        edges=tuple(edges),
        pigment=within(entity.pigment, draws[9], held("pigment")),
        redness=within(entity.redness, draws[10], held("redness")),
        depth=within(entity.depth, draws[11]),
        mottle=within(entity.mottle, draws[12], held("mottle")),
        lopsided=within(entity.lopsided, draws[13]),
        lopsided_angle=2 * math.pi * turn,
        structures=tuple(structures),
        lesion_seed=int(draws[14] * 2**32),
    )


def _choose(entities: tuple[Entity, ...], draw: float) -> Entity:
    left = draw * sum(entity.share for entity in entities)
    for entity in entities:
        left -= entity.share
        if left < 0:
            return entity
    return entities[-1]
