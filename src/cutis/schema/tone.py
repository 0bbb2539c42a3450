"""Groups of skin tone: which attributes they come of, who judged them, what their bands are called after, and which are
sure enough to be shown to a clinician."""

from __future__ import annotations

from typing import Literal

Judged = Literal["person", "estimate", "unknown"]

PREFIX = "tone_"  # an audit's columns of tone seen in the pictures: tone_<method>
# The estimator that refuses coloured light. Others give every picture an angle, so a shadow is dark skin to them.
REFUSING = ("cutis",)
# An attribute that more than this share of all images, or of a class, has no value of says nothing of the rest.
MOST_WITHOUT = 0.20
LEAST_OF_CLASS = 10  # images of a class, for its share to count
# Bands by the angle ITA, as `cutis.image.tone.thresholds` cuts them.
BANDS = (
    "Bands by the angle ITA, in degrees: very light above 55, light above 41, intermediate above 28, tan above 10, "
    "brown above \N{MINUS SIGN}30, dark below (Chardon et al., 1991; the dark one: Del Bino et al., 2006)."
)
_NAMES = ("fitzpatrick", "tone", "monk")
_BY_PERSONS = ("fitzpatrick", "monk")


def is_tone(attribute: str) -> bool:
    """Whether an attribute, or one that it is crossed with ("sex*tone"), says how dark the skin is."""
    return any(part == "ita" or part.startswith(_NAMES) for part in _parts(attribute))


def method(attribute: str) -> str:
    """The estimator that an attribute's groups come of, "cutis" of "tone_cutis"; "" if it is no such column."""
    own = attribute.split("*")
    return next((name.removeprefix(PREFIX) for name in own if name.startswith(PREFIX)), "")


def judged(attribute: str) -> Judged:
    """Who said how dark the skin is: a person (Fitzpatrick's types, Monk's scale), an estimator, or nobody knows."""
    if method(attribute):
        return "estimate"
    return "person" if any(part.startswith(_BY_PERSONS) for part in _parts(attribute)) else "unknown"


def _parts(attribute: str) -> list[str]:
    return attribute.lower().replace("*", "_").split("_")
