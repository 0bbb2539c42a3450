"""What is changed, one thing at a time: the skin's tone, something laid on it, and, as a control, nothing one sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cutis.errors import CutisError
from cutis.phantom.artefacts import sample_artefact
from cutis.phantom.optics.table import TONE_ITA
from cutis.phantom.parts import Artefact, Skin
from cutis.phantom.scene import check_codes

TONES = tuple(TONE_ITA.values())  # degrees of ITA, light to dark: those that the phantom's six types stand for
NOISE = 2.0  # grey levels, the control's deviation: about what the sensor of a good camera adds
# What is drawn on photographs, of `cutis.phantom.corruptions`, and at which of its severities: about as much as lies
# in photographs that have any.
ARTEFACTS = {"hair": 3, "ruler": 5, "ink": 4}


@dataclass(frozen=True)
class Change:
    """kind: "tone", "noise", or one of `ARTEFACTS`. value: ITA of the target, or noise's grey levels."""

    kind: str
    value: float | None = None

    @property
    def unit(self) -> str:
        return {"tone": "ITA", "noise": "grey levels"}.get(self.kind, "")

    @property
    def words(self) -> str:
        if self.kind == "tone":
            return f"tone to ITA {self.value:g}"
        if self.kind == "noise":
            return f"control: noise of {self.value:g} grey levels"
        return f"{self.kind} added"


def changes(tones: Sequence[float], artefacts: Sequence[str]) -> tuple[Change, ...]:
    """One for each tone and artefact, and the control. Raises CutisError for a tone that can't be and an unknown
    artefact."""
    check_codes(artefacts, ARTEFACTS, "artefact")
    for ita in tones:
        if not -90 <= ita <= 90:
            raise CutisError(f"counterfactual: ITA {ita:g}; expected degrees in -90..90, such as 55 or -40.")
    return (
        *(Change("tone", float(ita)) for ita in tones),
        *(Change(kind) for kind in artefacts),
        Change("noise", NOISE),
    )


def noisy(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 (h, w, 3) with noise of deviation `NOISE` in every channel."""
    grain = rng.standard_normal(image.shape, np.float32) * np.float32(NOISE)
    return np.asarray(np.rint(image + grain).clip(0, 255), np.uint8)


def sample_visible(rng: np.random.Generator, kind: str, skin: Skin) -> Artefact:
    """An artefact as the phantom draws them, but enough of it to be seen: at least a dozen hairs that are no vellus
    hairs, and four strokes of a pen, which one alone may miss the picture."""
    artefact = sample_artefact(rng, kind, skin)
    if kind == "hair":
        return replace(artefact, count=max(artefact.count, 12), size=max(artefact.size, 0.05))
    if kind == "ink":
        return replace(artefact, count=max(artefact.count, 4), strength=max(artefact.strength, 0.7))
    return artefact
