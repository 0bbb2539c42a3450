"""What a bundle can't do or wasn't measured for: a code for programs, a sentence for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

# Codes, and how their sentences began in bundles that were made before codes were kept.
CODES = {
    "no-validation": ("There was no validation image",),
    "no-labels": ("No validation image is labelled",),
    "no-best-calibrator": ("The temperature has", "The vector has", "The isotonic has"),
    "class-left-alone": (),
    "class-not-calibrated": (),
    "no-sets": ("No sets:",),
    "open-sets": ("Too few validation",),
    "no-operating-points": ("No operating points",),
    "gate-lowered": ("The gate is laxer",),
    "no-statistics": ("No scores of unlikeness", "No Mahalanobis", "No ViM"),
    "refuses-nothing": ("Nothing is refused for being unlike the training images",),
    "refusal-from-few": ("The refusal threshold comes from",),
    "calibrated-on": ("Calibrated on",),
    "at-chance": (),
    "one-dataset": ("Learned and calibrated on",),
}
# Of what a new calibration settles; the score that refuses, and its statistics, only where they are new as well.
OF_ANSWERS = frozenset(
    {
        *("no-validation", "no-labels", "no-best-calibrator", "class-left-alone", "class-not-calibrated"),
        *("no-sets", "open-sets", "no-operating-points", "calibrated-on"),
    }
)
OF_REFUSAL = frozenset({"refusal-from-few", "refuses-nothing"})
OF_STATISTICS = frozenset({"no-statistics"})


class Limit(NamedTuple):
    """code: of `CODES`, "" for a sentence of unknown origin. words: a sentence for people."""

    code: str
    words: str


def limits_of(words: Sequence[str], codes: Sequence[str]) -> tuple[Limit, ...]:
    """The limits of a card; where it holds no codes, they are known by how the sentences begin."""
    if len(codes) == len(words):
        return tuple(map(Limit, codes, words))
    return tuple(
        Limit(next((c for c, begins in CODES.items() if w.startswith(begins or ("\0",))), ""), w) for w in words
    )


def fields_of(limits: Iterable[Limit]) -> dict[str, tuple[str, ...]]:
    """The two fields of a card that hold them."""
    every = tuple(limits)
    return {"limits": tuple(x.words for x in every), "limit_codes": tuple(x.code for x in every)}
