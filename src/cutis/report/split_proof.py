"""The split's proof in words: was anybody both learned from and measured on?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cutis.report import words

_TABLED = ("parts", "classes")
_SEEN = {
    "train": "Yes: this is the train part, which the model learned from. These numbers flatter it.",
    "val": "In part: this is the val part, on which training was watched and thresholds, sets and confidence were set. "
    "These numbers flatter it.",
}
_LAST = ("digest", "dataset", "dataset_digest")


@dataclass(frozen=True)
class ProofText:
    """verdict: a sentence; kind: "held", "broken" or "unknown"; unit: what a group is, in the plural.

    facts: (name, value); head and rows: images and groups of each class in each part.
    """

    kind: str
    verdict: str
    unit: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    head: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


def proof(split: Mapping[str, Any], part: str) -> ProofText:
    """Words for a split's proof (`cutis.data.split.Proof` as a dict, or whatever fields a file has); {} is unknown."""
    if not split:
        return ProofText(
            "unknown",
            "Not provided: this file does not say how its images were kept apart from those the model learned from. "
            "If a person or lesion is on both sides, every number here is too good.",
            "patients or lesions",
        )
    shared = split.get("shared_groups")
    unit = words.plural(str(split.get("unit") or "group"))
    if isinstance(shared, bool) or not isinstance(shared, int):
        kind, verdict = "unknown", "The split's record does not say how many groups its parts share."
    elif shared:
        kind = "broken"
        verdict = (
            f"{shared:,} {unit} are in more than one part: the model may have learned from what it is measured on, "
            "and every number here may be too good."
        )
    else:
        among = f" {int(split['groups']):,}" if isinstance(split.get("groups"), int) else ""
        kind = "held"
        verdict = f"No. Of{among} {unit}, 0 are in more than one part" + (
            f"; the {part} part was not learned from." if part else "."
        )
    leaks = split.get("leaks")
    if isinstance(leaks, Mapping) and leaks:  # what the split was asked not to keep together
        crossing = ", ".join(f"{n:,} {words.plural(name, n)}" for name, n in leaks.items() if isinstance(n, int))
        kind = "broken"
        verdict = f"The split was made to let these cross its parts: {crossing}. Every number here may be too good."
    if part in _SEEN:
        kind, verdict = "broken", _SEEN[part]
    head, rows = _table(split)
    facts = [
        (words.label(key).capitalize(), "none" if value in ({}, [], ()) else words.flatten(value))
        for key, value in sorted(split.items(), key=lambda item: item[0] in _LAST)
        if value is not None and not (key in _TABLED and rows)
    ]
    return ProofText(kind, verdict, unit, facts, head, rows)


def _table(split: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Parts in columns; a row for each class and one for all. ([], []) if the record has no such counts."""
    parts, classes = split.get("parts"), split.get("classes")
    if not isinstance(parts, Mapping) or not isinstance(classes, Mapping):
        return [], []
    usual = [p for p in ("train", "val", "test") if p in parts]  # JSON has sorted them by letter
    parts = {p: parts[p] for p in (*usual, *(p for p in parts if p not in usual))}
    counted = {**classes, "all": parts}
    if not all(isinstance(row, Mapping) for row in counted.values()):
        return [], []
    return list(map(str, parts)), [[str(name), *(_cell(row.get(p)) for p in parts)] for name, row in counted.items()]


def _cell(count: Any) -> str:
    """ "80 (61)": images and groups."""
    if isinstance(count, Mapping) and {"images", "groups"} <= set(count):
        return f"{words.flatten(count['images'])} ({words.flatten(count['groups'])})"
    return words.flatten(count)
