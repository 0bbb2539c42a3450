"""From what is known of a diagnosis to classes on one level of the ISIC hierarchy: present, absent or unknown.

What is known is a set of paths, of which one is true: {"Benign:...:Nevus"}; {"Benign"} where only that much is known;
{""} where nothing is; two paths or more where a source's code merges several diagnoses. For a class (a node):

  present   every path is the node or lies under it
  absent    no path lies under the node or above it
  unknown   otherwise

A diagnosis "not otherwise specified" is present under its own name, and does not exclude its more particular siblings:
after "Melanoma, NOS" the class "Melanoma in situ" is unknown, not absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import version
from typing import Literal, get_args

from cutis.errors import CutisError, nearest
from cutis.schema.vocabulary import DIAGNOSIS_COLUMNS

Akiec = Literal["unknown", "malignant", "indeterminate"]
Paths = frozenset[str]
NOTHING: Paths = frozenset({""})

_KERATOSIS = "Indeterminate:Indeterminate epidermal proliferations:Solar or actinic keratosis"
_BOWEN = "Malignant:Malignant epidermal proliferations:Squamous cell carcinoma in situ"
_BENIGN_EPIDERMAL = "Benign:Benign epidermal proliferations"
# HAM10000's codes that merge several diagnoses -> what each may be. Source: Tschandl et al. 2018, "Methods".
MERGED_CODES: dict[str, Paths] = {
    "akiec": frozenset({_KERATOSIS, _BOWEN}),
    "bkl": frozenset(
        f"{_BENIGN_EPIDERMAL}:{name}"
        for name in ("Seborrheic keratosis", "Solar lentigo", "Lichen planus like keratosis")
    ),
}
_CHOSEN = {"malignant": frozenset({_BOWEN}), "indeterminate": frozenset({_KERATOSIS})}


def vocabulary_version() -> str:
    """The hierarchy's version, recorded with every merge."""
    return f"isic-metadata {version('isic-metadata')}"


def level_number(level: str) -> int:
    """ "diagnosis_3" -> 3. Raises CutisError naming the nearest."""
    if level not in DIAGNOSIS_COLUMNS:
        raise CutisError(f'level "{level}": {nearest(level, DIAGNOSIS_COLUMNS)}')
    return DIAGNOSIS_COLUMNS.index(level) + 1


def known_paths(path: str, code: str | None = None, akiec: str = "unknown") -> Paths:
    """What is known from a diagnosis `path` ("" if none) and the source's class `code`.

    A code that merges diagnoses counts only where the path says no more than it. akiec: what HAM10000's "akiec"
    (actinic keratosis, indeterminate, or Bowen's disease, malignant) is taken for; "unknown" leaves it one of the two.
    """
    if akiec not in get_args(Akiec):
        raise CutisError(f'akiec "{akiec}": {nearest(akiec, get_args(Akiec))}')
    merged = MERGED_CODES.get(code or "")
    if merged is None or not all(under(m, path) for m in merged):
        return frozenset({path})
    return _CHOSEN.get(akiec, merged) if code == "akiec" else merged


def under(path: str, node: str) -> bool:
    """Whether `path` is `node` or lies below it; everything lies below ""."""
    return not node or path == node or path.startswith(f"{node}:")


def node_at(path: str, level: int) -> str | None:
    """The node of `path` at `level` (1..5); None if the path ends above it."""
    parts = path.split(":") if path else []
    return ":".join(parts[:level]) if len(parts) >= level else None


def deepest_common(paths: Paths) -> str:
    """The deepest node that is true whichever of `paths` is."""
    split = [p.split(":") for p in paths]
    shared = []
    for names in zip(*split, strict=False):
        if len(set(names)) > 1:
            break
        shared.append(names[0])
    return ":".join(shared)


def combine(one: Paths, other: Paths) -> tuple[Paths, bool]:
    """What is known of an image from two sources, and whether they agree.

    They agree if some pair of paths lies one under the other; then the deeper ones are known. If not, either may be
    right: both stay possible.
    """
    agreed = {a if under(a, b) else b for a in one for b in other if under(a, b) or under(b, a)}
    return (frozenset(agreed), True) if agreed else (one | other, False)


def three_valued(paths: Paths, nodes: Iterable[str]) -> tuple[list[str], list[str]]:
    """(present, unknown) of `nodes`, in their order; the others are absent."""
    present, unknown = [], []
    for node in nodes:
        if all(under(p, node) for p in paths):
            present.append(node)
        elif any(under(p, node) or under(node, p) or _unspecified_sibling(p, node) for p in paths):
            unknown.append(node)
    return present, unknown


def _unspecified_sibling(path: str, node: str) -> bool:
    """Whether `path` is "X, NOS" and `node` is, or lies under, a sibling of it that is a kind of X."""
    parent, _, name = path.rpartition(":")
    stem = re.sub(r",? NOS$", "", name)
    if stem == name or not under(node, parent) or node == parent:
        return False
    sibling = node[len(parent) + 1 :].split(":")[0]
    return stem.casefold() in sibling.casefold()
