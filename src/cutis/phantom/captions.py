"""Words from the truth: a caption, and questions with their answers, for image-text methods."""

from __future__ import annotations

from cutis.phantom.classes import CLASSES, GENERIC
from cutis.phantom.scene import Scene
from cutis.phantom.truth import Truth
from cutis.phantom.vocabulary import ARTEFACTS, STRUCTURES

_NAMES = {**{c.code: c.name.lower() for c in CLASSES}, GENERIC: "a skin lesion"}
_PAIRED = ("pigment_network", "dots", "globules", "streaks", "blotch")  # regular or irregular


def caption(scene: Scene, truth: Truth) -> str:
    """Two or three sentences: what it is, what structures show, what lies on the skin."""
    view = "Dermoscopic image" if scene.camera.modality == "dermoscopic" else "Clinical photograph"
    lesion = scene.lesion
    if lesion is None:
        return f"{view} of {_skin(truth)} skin without a lesion.{_things(truth)}"
    seen = [_structure(s.kind, s.irregularity) for s in lesion.structures if s.kind in truth.masks]
    what = f"{view} of {_name(lesion.diagnosis)} on {_skin(truth)} skin, {2 * lesion.radius:.0f} mm across."
    return f"{what} {_sentence('It shows', seen) or 'No dermoscopic structure stands out.'}{_things(truth)}"


def questions(scene: Scene, truth: Truth) -> list[tuple[str, str]]:
    """Questions and answers, all true of the picture: class, malignancy, each structure, score, artefacts, tone."""
    found = [(f"Is there {words} in the picture?", _yes(kind in truth.masks)) for kind, words in ARTEFACTS.items()]
    found.append(("How light is the skin?", _skin(truth)))
    lesion = scene.lesion
    if lesion is None:
        return [("Is there a lesion?", "no"), *found]
    malignant = next((c.malignant for c in CLASSES if c.code == lesion.diagnosis), None)
    head = [("Is there a lesion?", "yes"), ("What is the diagnosis?", _name(lesion.diagnosis))]
    if malignant is not None:
        head.append(("Is it malignant?", _yes(malignant)))
    shown = [(f"Does the lesion show {words}?", _yes(kind in truth.masks)) for kind, words in STRUCTURES.items()]
    scored = [("What is its 7-point score?", f"{truth.scores['seven_point']:.0f}")]
    return [*head, *shown, *scored, *found]


def _name(code: str) -> str:
    name = _NAMES[code]
    return name if name.startswith("a ") else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _structure(kind: str, irregularity: float) -> str:
    words = STRUCTURES[kind]
    return f"{'irregular' if irregularity >= 0.5 else 'regular'} {words}" if kind in _PAIRED else words


def _skin(truth: Truth) -> str:
    """Chardon's names of ITA classes."""
    for least, name in ((55, "very light"), (41, "light"), (28, "intermediate"), (10, "tan"), (-30, "brown")):
        if truth.ita > least:
            return name
    return "dark"


def _things(truth: Truth) -> str:
    words = _sentence("Also in the picture:", [name for kind, name in ARTEFACTS.items() if kind in truth.masks])
    return f" {words}" if words else ""


def _sentence(start: str, items: list[str]) -> str:
    if not items:
        return ""
    listed = items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
    return f"{start} {listed}."


def _yes(true: bool) -> str:
    return "yes" if true else "no"
