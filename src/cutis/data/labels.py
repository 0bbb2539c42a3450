"""Labels as their source writes them -> classes: each label keeps its characters, and none becomes another's silently.

A code is a label in a form that can name a column and a file. Signs become words in it (BRAF+ is braf_plus), so that
labels that differ in a sign differ in their codes. What still falls together (grade II and grade ii) is a question.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from typing import Literal, get_args

from cutis.data.values import ISIC_2018
from cutis.errors import CutisError, nearest
from cutis.schema.classes import ClassInfo
from cutis.schema.spelling import lookalike
from cutis.schema.vocabulary import diagnosis_levels, is_malignant
from cutis.tables import trimmed

SameLabels = Literal["ask", "fold", "keep"]
UNLABELLED = frozenset({"", "unknown", "unk", "na", "n/a", "nan", "null", "not specified"})
_SIGNS = {
    "+": "plus", "\N{MINUS SIGN}": "minus", "\N{PLUS-MINUS SIGN}": "plus_minus", "<": "less", ">": "greater",
    "\N{LESS-THAN OR EQUAL TO}": "at_most", "\N{GREATER-THAN OR EQUAL TO}": "at_least", "=": "equals",
    "?": "question", "!": "exclamation", "*": "star", "~": "tilde", "%": "percent", "#": "hash", "@": "at",
    "^": "caret", "$": "dollar", "|": "bar", "\N{DEGREE SIGN}": "degree",
}  # fmt: skip
_WHOLE = re.compile(r"(-?\d+)\.0+")
_MINUS = re.compile(r"(?<![^\W_])-+|-+(?![^\W_])")  # that is no hyphen: not between letters or digits
_DASH = re.compile(r"(?<=\w)\s+-+\s+(?=\w)|(?<=\w)\s*[\N{EN DASH}\N{EM DASH}]\s*(?=\w)")  # between words


def clean_label(cell: str | None) -> str:
    """A label without blanks and invisible characters around it, in Unicode's composed form; "" for None."""
    return trimmed(unicodedata.normalize("NFC", cell or ""), ("Cc", "Cf"))


def class_code(label: str) -> str:
    """A class code from a label: lower case letters and digits of any alphabet, and "_". Signs become words.

    >>> class_code("Melanoma in situ"), class_code("HER2 2+"), class_code("BRAF-"), class_code("non-melanoma")
    ('melanoma_in_situ', 'her2_2_plus', 'braf_minus', 'non_melanoma')
    """
    text = _MINUS.sub(lambda m: "\N{MINUS SIGN}" * len(m[0]), _DASH.sub(" ", clean_label(label)))
    words = "".join(map(_in_code, unicodedata.normalize("NFC", text.casefold())))
    code = re.sub("_+", "_", words).strip("_")
    return code or "_".join(f"u{ord(c):x}" for c in label)


def _in_code(char: str) -> str:
    kind = unicodedata.category(char)
    if char.isalnum() or kind[0] == "M":
        return char
    if char in _SIGNS:
        return f"_{_SIGNS[char]}_"
    if kind == "Cf":
        return ""
    return f"_u{ord(char):x}_" if kind[0] in "SC" and kind != "Cc" else "_"


def class_info(label: str) -> ClassInfo:
    """A class called `label` in its source: ISIC 2018's if it is one of their codes, with its place in the vocabulary
    if it is a name there, else just a name. A label that only resembles one of ISIC 2018's codes gets another."""
    label = clean_label(label)
    code, term = class_code(label), label.casefold()
    if term in ISIC_2018:
        return ISIC_2018[term]
    if code in ISIC_2018:
        return ClassInfo(code=_apart(code, label), name=label)
    try:
        levels = diagnosis_levels(label.replace("_", " "))
    except CutisError:
        return ClassInfo(code=code, name=label)
    return ClassInfo(
        code=code,
        name=label.replace("_", " "),
        diagnosis=":".join(v for v in levels if v) or None,
        malignant=is_malignant(levels),
    )


def _apart(code: str, label: str) -> str:
    """A code that only this label has, in every table."""
    return f"{code}_{hashlib.sha256(label.encode()).hexdigest()[:4]}"


def classes_of(
    counts: Mapping[str, int], where: str, same: str = "ask", unit: str = "rows"
) -> tuple[dict[str, ClassInfo], list[str]]:
    """(label -> its class, what the user must know). counts: label, as `clean_label` gives it -> how many `unit`.

    Spellings of a name that the vocabulary has ("NV", "nv") are one class, and told. Other labels of one code are one
    class if `same` is "fold" (named after the commonest), each its own if it is "keep"; "ask" raises CutisError, which
    names both.
    """
    if same not in get_args(SameLabels):
        raise CutisError(f'--same-labels "{same}": {nearest(same, get_args(SameLabels))}')
    classes = {label: class_info(label) for label in sorted(counts)}
    by_code: dict[str, list[str]] = {}
    for label in classes:
        whole = _WHOLE.fullmatch(label)
        by_code.setdefault(class_code(whole[1] if whole else label), []).append(label)
    notes = []
    for code, labels in by_code.items():
        if len(labels) == 1:
            continue
        told = " and ".join(f'"{_shown(label)}" ({counts[label]:,} {unit})' for label in labels)
        first = classes[labels[0]]
        spellings = {(classes[label].code, classes[label].diagnosis) for label in labels}
        if same == "fold" or (len(spellings) == 1 and (first.diagnosis or first.code in ISIC_2018)):
            commonest = classes[max(labels, key=lambda label: counts[label])]
            classes |= dict.fromkeys(labels, commonest)
            notes.append(f"{told} are one class, {commonest.code}")
        elif same == "keep":
            classes |= {k: classes[k].model_copy(update={"code": _apart(code, k)}) for k in labels}
            notes.append(f"{told} are classes of their own, {' and '.join(classes[k].code for k in labels)}")
        else:
            raise CutisError(
                f"{where}: labels {told} differ only in {_difference(labels)}. Are they one class? --same-labels fold "
                "makes them one, --same-labels keep leaves each its own."
            )
    return classes, [*notes, *_alike(list(classes), {label: c.code for label, c in classes.items()})]


def _alike(labels: list[str], codes: Mapping[str, str]) -> list[str]:
    """Notes on labels that look alike, being of letters of other scripts or widths, and are classes of their own."""
    by_look: dict[str, list[str]] = {}
    for label in labels:
        by_look.setdefault(lookalike(label), []).append(label)
    return [
        f"{' and '.join(f'"{label}"' for label in same)} look alike and are classes of their own; write them alike if "
        "they are one"
        for same in by_look.values()
        if len({codes[label] for label in same}) > 1 and len({class_code(label) for label in same}) > 1
    ]


def _shown(label: str) -> str:
    """A label with what can't be seen in it as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in label)


def _difference(labels: list[str]) -> str:
    def blanks(text: str) -> str:
        return re.sub(r"[\s_]+", " ", text)

    if len({label.casefold() for label in labels}) == 1:
        return "case"
    if len({"".join(c for c in label if unicodedata.category(c) != "Cf") for label in labels}) == 1:
        return "characters that can't be seen"
    if all(re.fullmatch(r"-?\d+(\.0+)?", label) for label in labels):
        return 'the ".0" that a spreadsheet gives a whole number'
    if len({blanks(label) for label in labels}) == 1:
        return "blanks"
    return "case, blanks or punctuation"
