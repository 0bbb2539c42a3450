"""The checklists as a form, and their score in words. The lists themselves are `cutis.schema.dermoscopy`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cutis.errors import CutisError
from cutis.schema import dermoscopy
from cutis.schema.dermoscopy import CHECKLISTS, Checklist, Item
from cutis.serve.words import Words


@dataclass(frozen=True)
class Scored:
    """A list as the reader has filled it in.

    total: points, with the least that missing items may add. verdict: the band's name, None while it isn't decided.
    words: one line for people, of both. missing: names of the items that aren't filled in.
    """

    name: str
    total: float
    verdict: str | None
    words: str
    missing: tuple[str, ...]


def score(name: str, filled: Mapping[str, Any], words: Words) -> Scored:
    """Score one list. filled, and what is refused: as in `cutis.schema.dermoscopy.score`."""
    found = dermoscopy.score(name, filled)
    total, most = (words.number(value) for value in (found.total, found.most))
    if found.verdict is None:
        text = words.t("checklist.open", total=total, most=most, missing=len(found.missing))
    else:
        key = "checklist.points_so_far" if found.missing else "checklist.points"
        text = f"{words.t(key, n=found.total)} {words.t(f'checklist.{name}.band.{found.verdict}')}"
    return Scored(name, found.total, found.verdict, text, found.missing)


def score_all(filled: Any, words: Words) -> list[Scored]:
    """Every list of a reading, list name -> what was filled in, that holds anything. Raises CutisError."""
    if not isinstance(filled, Mapping) or not all(isinstance(items, Mapping) for items in filled.values()):
        raise CutisError('checklists: expected {list: {item: value}}, as in {"three_point": {"asymmetry": true}}.')
    scored = [score(name, items, words) for name, items in filled.items() if _any(items)]
    return sorted(scored, key=lambda one: CHECKLISTS.index(one.name))


def definitions(words: Words) -> list[dict[str, Any]]:
    """Every list as plain data for a form, in the order in which they are offered.

    Each has name, title, about, picture ("dermoscopy" or "patient"), source, measured (sentences), bands (name, words)
    and items: name, words, hint, kind ("yes-no", "number", "several"), low, high, points, negative, group (name),
    group_words and options (name, words).
    """
    return [_definition(dermoscopy.checklist(name), words) for name in CHECKLISTS]


def _definition(rule: Checklist, words: Words) -> dict[str, Any]:
    key = f"checklist.{rule.name}"
    return {
        "name": rule.name,
        "title": words.t(f"{key}.title"),
        "about": words.t(f"{key}.about"),
        "picture": rule.picture,
        "source": rule.source,
        "measured": [
            words.t(
                "checklist.measured",
                cut=study.cut,
                sensitivity=words.number(round(study.sensitivity), 0),
                specificity=words.number(round(study.specificity), 0),
                source=study.source,
            )
            for study in rule.measured
        ],
        "bands": [{"name": band.name, "words": words.t(f"{key}.band.{band.name}")} for band in rule.bands],
        "items": [_item(item, key, words) for item in rule.items],
    }


def _item(item: Item, key: str, words: Words) -> dict[str, Any]:
    hint = f"{key}.hint.{item.name}"
    return {
        "name": item.name,
        "words": words.t(f"{key}.item.{item.name}"),
        "hint": words.t(hint) if words.has(hint) else "",
        "kind": item.kind,
        "low": item.low,
        "high": item.high,
        "points": float(item.points),
        "negative": item.negative,
        "group": item.group,
        "group_words": words.t(f"checklist.group.{item.group}") if item.group else "",
        "options": [{"name": o, "words": words.t(f"{key}.option.{o}")} for o in item.options],
    }


def _any(items: Mapping[str, Any]) -> bool:
    return any(value is not None and value != [] for value in items.values())
