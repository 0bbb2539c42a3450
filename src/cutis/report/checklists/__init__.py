"""Reporting checklists, filled from a dossier's evidence. Items are data, `*.toml` beside this file.

Each item has its number, words of our own, the fillers that answer it (`cutis.report.checklists.fillers`) and `ask`:
what only a person can add. What no filler knows is "not provided"; nothing is answered from nothing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from cutis.report.checklists.fillers import FILLERS
from cutis.report.words import NOT_PROVIDED
from cutis.schema.dossier import DossierEvidence

State = Literal["filled", "partly", "not provided"]
STATES: tuple[State, ...] = ("filled", "partly", "not provided")
# In the order that pages show them.
NAMES = ("clear-derm", "stard-ai", "tripod-ai", "claim", "model-card", "datasheet", "eu-ai-act-annex-iv")
UNVERIFIED = "wording unverified"


@dataclass(frozen=True)
class Item:
    """number: the checklist's own, or ours where it has none. fill: names of fillers. verified: whether the item's
    wording was compared with the source."""

    block: str
    number: str
    words: str
    fill: tuple[str, ...]
    ask: str
    verified: bool


@dataclass(frozen=True)
class Checklist:
    """title, source, note: what it is, where it was published, and what to know of this draft."""

    name: str
    title: str
    source: str
    note: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Answer:
    """What the evidence says of an item: sentences, each with the part of the auditor's page that has the numbers."""

    item: Item
    state: State
    said: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Filled:
    checklist: Checklist
    answers: tuple[Answer, ...]

    @property
    def counts(self) -> dict[State, int]:
        return {state: sum(a.state == state for a in self.answers) for state in STATES}


@cache
def load(name: str) -> Checklist:
    """A checklist by its name, one of `NAMES`."""
    text = files("cutis.report.checklists").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    content = tomllib.loads(text)
    return Checklist(
        name=name,
        title=content["title"],
        source=content["source"],
        note=content["note"],
        items=tuple(_item(block, item) for block in content["block"] for item in block["item"]),
    )


def _item(block: Mapping[str, Any], item: Mapping[str, Any]) -> Item:
    return Item(
        block=block["name"],
        number=str(item["number"]),
        words=item["words"],
        fill=tuple(item.get("fill", ())),
        ask=item.get("ask", ""),
        verified=item.get("verified", False),
    )


def fill(name: str, dossier: DossierEvidence) -> Filled:
    """The checklist with its answers. An item is "filled" if every filler answers and nothing is left to ask."""
    checklist = load(name)
    return Filled(checklist, tuple(_answer(item, dossier) for item in checklist.items))


def _answer(item: Item, dossier: DossierEvidence) -> Answer:
    said = [(FILLERS[name].say(dossier), FILLERS[name].where) for name in item.fill]
    known = tuple((text, where) for text, where in said if text)
    if not known:
        return Answer(item, "not provided", ())
    return Answer(item, "partly" if item.ask or len(known) < len(said) else "filled", known)


def markdown(filled: Filled) -> str:
    """The filled checklist as Markdown."""
    c = filled.checklist
    lines = [f"# {c.title}", c.note, f"Source: {c.source}", summary(filled)]
    block = ""
    for a in filled.answers:
        if a.item.block != block:
            block = a.item.block
            lines.append(f"## {block}")
        mark = "" if a.item.verified else f" ({UNVERIFIED})"
        told = [_plain(text) for text, _ in a.said] or [NOT_PROVIDED]
        told += [f"To be added by a person: {_plain(a.item.ask)}"] if a.item.ask else []
        lines.append(f"**{a.item.number}. {a.item.words}**{mark} [{a.state}]\n\n" + "\n".join(f"- {t}" for t in told))
    return "\n\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """`text` so that Markdown takes none of its signs for markup."""
    for sign in "\\`*_<>[]|":
        text = text.replace(sign, "&lt;" if sign == "<" else "&gt;" if sign == ">" else "\\" + sign)
    return " ".join(text.split())


def summary(filled: Filled) -> str:
    """ "12 filled, 5 partly, 8 not provided, of 25 items"."""
    told = ", ".join(f"{n} {state}" for state, n in filled.counts.items())
    return f"{told}, of {len(filled.answers)} items."
