"""Groups of skin tone in words: of whom nothing is known, what bands are called after, what a clinician is shown."""

from __future__ import annotations

from cutis.report import words
from cutis.schema.evidence import Evidence, Measured
from cutis.schema.tone import BANDS, LEAST_OF_CLASS, MOST_WITHOUT, REFUSING, is_tone, judged, method


def attributes(evidence: Evidence) -> list[str]:
    """The attributes of skin tone that groups were made of, each once."""
    names = dict.fromkeys(m.attribute for m in evidence.measured if m.attribute is not None)
    return [name for name in names if is_tone(name)]


def fit_for_clinician(evidence: Evidence, attribute: str) -> bool:
    """Whether the groups may stand on a page that is read without the auditor's: see `why_not`."""
    return not why_not(evidence, attribute)


def why_not(evidence: Evidence, attribute: str) -> str:
    """Why the groups of an attribute of skin tone are left to the auditor's page; "" if they aren't.

    What persons judged may be shown, with the share that it lacks. An estimate may where its estimator refuses what it
    can't measure, and refuses few: at most a fifth, of all images and of each class with ten.
    """
    by = judged(attribute)
    if by == "person":
        return ""
    if by == "unknown":
        return "who or what judged it isn't recorded"
    if method(attribute) not in REFUSING:
        return "this estimator gives every picture a tone, whatever the light, so that a shadow is dark skin to it"
    own = [m for m in evidence.without if m.attribute == attribute]
    if not any(m.class_code is None for m in own):
        return "how many pictures its estimator could tell nothing of isn't recorded"
    many = [m for m in own if (m.value or 0.0) > MOST_WITHOUT and (m.class_code is None or m.n >= LEAST_OF_CLASS)]
    if many:
        return f"its estimator can tell nothing of too many pictures: {', '.join(map(_share, many))}"
    return ""


def without(evidence: Evidence, attribute: str) -> str:
    """Of how many images, and of each class, there is no tone; "" where that was not counted."""
    own = [m for m in evidence.without if m.attribute == attribute]
    whole = next((m for m in own if m.class_code is None), None)
    if whole is None:
        return ""
    each = ", ".join(_share(m) for m in own if m.class_code is not None)
    name = words.upper(words.attribute(attribute))
    told = f"{name} is not known of {words.estimate_text(whole, 'percent')} of {whole.n:,} images"
    return f"{told}; by class: {each}." if each else f"{told}."


def _share(m: Measured) -> str:
    who = m.class_code or "all"
    return f"{who} {words.estimate_text(m, 'percent', 0)}" if m.value is not None else f"{who} too few to say ({m.n:,})"


def notes(evidence: Evidence) -> list[str]:
    """What must stand wherever groups of skin tone do: who is in none of them, and what the bands mean."""
    names = attributes(evidence)
    said = [text for name in names if (text := without(evidence, name))]
    if any(judged(name) == "estimate" for name in names):
        said.append(BANDS)
    said += [
        f"The groups of {words.attribute(name)} have the data's own names; by which thresholds isn't recorded."
        for name in names
        if judged(name) == "unknown"
    ]
    return said
