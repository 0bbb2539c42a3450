"""Which class a label means: by its code, its name, or its place in the ISIC vocabulary."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import polars as pl

from cutis.errors import CutisError
from cutis.evaluate.arrays import Floats
from cutis.schema.classes import ClassInfo
from cutis.schema.vocabulary import diagnosis_levels
from cutis.tables import trimmed


def path_of(label: str | None) -> tuple[str, ...]:
    """The ISIC nodes of a diagnosis, from the root's child down; () for one that the vocabulary doesn't know."""
    try:
        return tuple(level for level in diagnosis_levels(label) if level is not None)
    except CutisError:
        return ()


def _plain(label: str) -> str:
    """A label without regard to case and to Unicode's form (an accent as a letter's part, or as a sign after it)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", trimmed(label)).casefold())


def finder(classes: Sequence[ClassInfo]) -> Callable[[str], int | None]:
    """label -> class number, or None if it means none of `classes`.

    Tried in order, without regard to case: code; name; ISIC node. A class stands for all that lies under its node if
    the node says what the class is: not "Benign" for HAM10000's bkl, which is one benign thing among others.
    """
    codes = {_plain(c.code): k for k, c in reversed(list(enumerate(classes)))}
    names = {_plain(c.name): k for k, c in reversed(list(enumerate(classes)))}
    nodes: dict[tuple[str, ...], int] = {}
    for k, c in enumerate(classes):
        path = tuple(c.diagnosis.split(":")) if c.diagnosis else ()
        if len(path) > 1 or (path and path[-1].casefold() in (c.code.casefold(), c.name.casefold())):
            nodes.setdefault(path, k)

    @cache
    def find(label: str) -> int | None:
        folded = _plain(label)
        for known in (codes, names):
            if folded in known:
                return known[folded]
        path = path_of(label)
        return next((nodes[path[:depth]] for depth in range(len(path), 0, -1) if path[:depth] in nodes), None)

    return find


def differentials(table: pl.DataFrame, classes: Sequence[ClassInfo]) -> Floats | None:
    """(n, classes + 1) readers' weights from column `differential` ({diagnosis, weight}), each row divided by its sum.

    The last column is the weight of the heaviest diagnosis that is none of the classes. NaN in rows without a
    differential; None if there is no such column, or nothing in it.
    """
    if "differential" not in table.columns or table["differential"].null_count() == len(table):
        return None
    find = finder(classes)
    found = np.full((len(table), len(classes) + 1), np.nan)
    for i, entries in enumerate(table["differential"].to_list()):
        total = sum(e["weight"] for e in entries or ())
        if not entries or not total > 0:
            continue
        found[i] = 0.0
        for e in entries:
            k, share = find(e["diagnosis"]), e["weight"] / total
            if k is None:
                found[i, -1] = max(found[i, -1], share)
            else:
                found[i, k] += share
    return found
