"""The labels of a truth or of an answer as class codes: what names none of the classes is an error with its row."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import polars as pl

from cutis.errors import CutisError, nearest
from cutis.evaluate.class_names import finder
from cutis.evaluate.sides import NO, YES, class_word, is_class, side_of
from cutis.schema.classes import ClassInfo
from cutis.schema.values import known
from cutis.tables import as_text, folded, trimmed

Find = Callable[[str], int | None]
# Words that elsewhere say that nothing is known, but that as a label may be a class of their own.
_MAYBE_CLASS = {"none", "unk"}


def said_labels(cells: pl.Series, find: Find | None = None) -> tuple[list[str | None], list[str]]:
    """(labels as text, None where the cell is empty or says that nothing is known; notes on how many of those words).

    find: the classes' finder; a word that is a class is a label, whatever else it says.
    """
    found: list[str | None] = []
    nothing: dict[str, int] = {}
    for cell in as_text(cells).to_list():
        text = None if cell is None else trimmed(cell) or None
        if text is not None and re.fullmatch(r"-?\d+\.0+", text) and (find is None or find(text) is None):
            text = text.partition(".")[0]
        is_label = text is None or folded(text) in _MAYBE_CLASS or (find is not None and find(text) is not None)
        if text is not None and not is_label and known(text) is None:
            nothing[text] = nothing.get(text, 0) + 1
            text = None
        found.append(text)
    if not nothing:
        return found, []
    said = ", ".join(f'"{word}"' for word in nothing)
    return found, [f"{sum(nothing.values()):,} rows whose {cells.name} is {said} count as rows without one."]


def matched(cells: pl.Series, classes: Sequence[ClassInfo], where: str) -> tuple[list[str | None], list[str]]:
    """(class code of each label, None where it is unknown; notes). Raises CutisError, naming row and column."""
    find, codes = finder(classes), [c.code for c in classes]
    said, notes = said_labels(cells, find)
    words = {label for label in said if label is not None}
    if words and all(find(w) is None and folded(w) in YES | NO for w in words):
        one = _one_of_two(cells.name, classes, where)
        if one is not None:
            notes.append(
                f"In column {cells.name}, 1 (or true, yes) is taken as {codes[one]} and 0 as {codes[1 - one]}."
            )
            return [None if v is None else codes[one if folded(v) in YES else 1 - one] for v in said], notes
    found: list[str | None] = []
    for row, label in enumerate(said, 1):
        k = None if label is None else find(label)
        if label is not None and k is None:
            raise CutisError(
                f'{where}: row {row}: {cells.name} "{label}" is none of the classes: {_hint(label, codes)}'
            )
        found.append(None if k is None else codes[k])
    return found, notes + _spellings(cells.name, said, found)


def _spellings(column: str, said: Sequence[str | None], found: Sequence[str | None]) -> list[str]:
    """Notes on labels that are taken for one class, but for its code itself."""
    written: dict[str, dict[str, None]] = {}
    for label, code in zip(said, found, strict=True):
        if label is not None and code is not None:
            written.setdefault(code, {})[label] = None
    return [
        f"In column {column}, {' and '.join(f'"{label}"' for label in list(labels)[:4])} are all class {code}."
        for code, labels in written.items()
        if len(labels) > 1
    ]


def _one_of_two(column: str, classes: Sequence[ClassInfo], where: str) -> int | None:
    """Which of two classes a truth of 1 means: by the column's name, else the malignant one; None for other classes.

    Raises CutisError where 1 may as well be the second column.
    """
    if len(classes) != 2 or {c.malignant for c in classes} == {None}:
        return None
    word = class_word(column)
    if is_class(word):
        found = finder(classes)(word)
        sides = [k for k, c in enumerate(classes) if c.malignant is not None and c.malignant is side_of(word)]
        return found if found is not None else sides[0] if len(sides) == 1 else None
    sick = [k for k, c in enumerate(classes) if c.malignant]
    if len(sick) != 1:
        return None
    if sick == [0]:
        raise CutisError(
            f"{where}: column {column} holds 0 and 1: 1 may be {classes[0].code}, as the malignant class, or "
            f"{classes[1].code}, as the second column. Write the classes' names."
        )
    return 1


def _hint(label: str, codes: Sequence[str]) -> str:
    if re.fullmatch(r"-?\d+", label):
        if label == str(len(codes)) and {str(k) for k in range(len(codes))} == set(codes):
            return f"valid: 0 to {len(codes) - 1}. The labels seem to count from 1, the columns from 0: subtract 1."
        if label == "0" and {str(k + 1) for k in range(len(codes))} == set(codes):
            return f"valid: 1 to {len(codes)}. The labels seem to count from 0, the columns from 1: add 1."
        if not any(re.fullmatch(r"-?\d+", code) for code in codes):
            return f"valid: {', '.join(codes[:8])}. A number may be a place in any order of them: write the names."
    elif all(re.fullmatch(r"\d+", code) for code in codes):
        return f"valid: {', '.join(codes[:8])}. The scores' columns are only numbered: call them p_<class>."
    return nearest(label, codes)


def label_lists(cells: pl.Series, classes: Sequence[ClassInfo], where: str) -> list[list[str] | None]:
    """Class codes of each row's labels, from lists or from text such as "mel;bcc".

    None where unknown (an empty cell, or one that says that nothing is known), [] for "none" if that is no class.
    """
    find, codes = finder(classes), [c.code for c in classes]
    if not cells.dtype.is_nested():
        cells = as_text(cells).str.replace_all(r"[;|,]\s*", ";").str.split(";")
    found: list[list[str] | None] = []
    for row, labels in enumerate(cells.to_list(), 1):
        if labels is None or (len(labels) == 1 and _says_nothing(labels[0], find)):
            found.append(None)
            continue
        held = []
        for label in labels:
            if label is None or not label.strip():
                continue
            k = find(label)
            if k is None and label.strip().casefold() == "none":
                continue
            if k is None:
                raise CutisError(
                    f'{where}: row {row}: labels "{label}" is none of the classes: {nearest(label, codes)}'
                )
            held.append(codes[k])
        found.append(list(dict.fromkeys(held)))
    return found


def _says_nothing(label: str | None, find: Find) -> bool:
    if label is None or not label.strip():
        return True
    return known(label) is None and folded(label) not in _MAYBE_CLASS and find(label) is None
