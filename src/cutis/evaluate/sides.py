"""What the name of a score's or of a truth's column says: which class it is of, and on which side that is."""

from __future__ import annotations

import re

import polars as pl

from cutis.evaluate.class_names import path_of
from cutis.schema.vocabulary import NO_COMMON_PATH, is_malignant
from cutis.tables import as_text, folded

PREFIXES = ("p_", "prob_", "proba_", "probability_", "softmax_", "score_")
LOGITS = ("logit_", "logits_")
_SUFFIXES = ("_p", "_prob", "_proba", "_probability", "_score", "_softmax", "_confidence", "_logit", "_logits")
YES = {"1", "1.0", "true", "yes", "positive", "pos"}
NO = {"0", "0.0", "false", "no", "negative", "neg"}
MALIGNANT = {"malignant", "malign", "maligne", "malignancy", "bösartig", "boesartig", "cancer", "cancerous", "maligno"}
BENIGN = {"benign", "benigne", "bénin", "benin", "benigno", "gutartig", "nonmalignant", "noncancerous"}
# What a score's column is called after where nobody is ill. As labels they may stand beside "benign", as another class.
WELL = {"normal", "healthy", "gesund", "sain", "sano", "healthy_skin", "normal_skin"}
COUNTED = re.compile(r"(?:class|cls|label)_?(\d+)")
NOT = re.compile(r"(?:non|not|no|kein|keine|nicht)_(.+)")


def class_word(column: str) -> str:
    """The class that a column's name is of: "benign" of p_benign, prob(benign), BenignProbability; else the name."""
    name = folded(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column.strip()))
    bracketed = re.fullmatch(r"[a-z_]+\((.+)\)", name)
    if bracketed:
        return bracketed[1].strip("_")
    for start in ("probability_of_", "prob_of_", "pred_", "is_", *PREFIXES, *LOGITS):
        if name.startswith(start) and len(name) > len(start):
            return name[len(start) :]
    for end in _SUFFIXES:
        if name.endswith(end) and len(name) > len(end):
            return name[: -len(end)]
    return name


def side_of(word: str) -> bool | None:
    """Whether a class is malignant, by a plain word for a side or by the ISIC vocabulary; None where neither says.

    "Not melanoma" is on no side: it may be another cancer.
    """
    plain = folded(word)
    if plain in MALIGNANT:
        return True
    if plain in BENIGN:
        return False
    other = NOT.fullmatch(plain)
    if other:
        return other[1] in BENIGN if other[1] in MALIGNANT | BENIGN else None
    path = place(word)
    return is_malignant((*path, *[None] * (5 - len(path)))) if path else None  # type: ignore[arg-type]


def is_general(word: str) -> bool:
    """Whether a word names a whole side rather than a diagnosis."""
    plain = folded(word)
    other = NOT.fullmatch(plain)
    return (other[1] if other else plain) in MALIGNANT | BENIGN


def is_class(word: str) -> bool:
    """Whether a word plainly names a class: a side, or a diagnosis of the vocabulary."""
    return is_general(word) or bool(place(word)) or folded(word) in NO_COMMON_PATH


def place(word: str) -> tuple[str, ...]:
    """The ISIC nodes of a class's word, whose blanks may be "_"; () for one that the vocabulary doesn't know."""
    return path_of(word) or path_of(word.replace("_", " "))


def is_yes_or_no(cells: pl.Series) -> bool:
    """Whether every known cell is a 1 or a 0, a true or a false, and so on, and there is one."""
    words = {folded(v) for v in as_text(cells).drop_nulls().unique().to_list() if v.strip()}
    return bool(words) and words <= YES | NO
