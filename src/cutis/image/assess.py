"""Quality and artefacts of one image in one go: what `cutis check` lists and the gate before a prediction asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from cutis.errors import CutisError, nearest
from cutis.image.artefacts import DETECTORS, Artefact
from cutis.image.quality import MEASURES, Score
from cutis.image.working import SIDE, Working


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an image is refused: a code ("too blurred"), the measures that say so, and what to do about it."""

    code: str
    measures: tuple[str, ...]
    advice: str


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """All scores of `cutis.image.quality` and artefacts of `cutis.image.artefacts`, by name.

    Masks have `shape` (rows, columns at working size); `view.enlarge(mask)` brings one to the image's own size.
    """

    scores: dict[str, Score]
    artefacts: dict[str, Artefact]
    view: Working

    @property
    def ok(self) -> bool:
        """Whether nothing refuses the image. Artefacts and the colour cast never do."""
        return not self.reasons()

    @property
    def shape(self) -> tuple[int, int]:
        return self.view.shape

    def reasons(self) -> list[Reason]:
        """Why the image is refused, most telling first; empty if it isn't."""
        failed: dict[str, list[str]] = {}
        for name, score in self.scores.items():
            if score.code and not score.ok:
                failed.setdefault(score.code, []).append(name)
        return [Reason(code, tuple(names), self.scores[names[0]].advice) for code, names in failed.items()]

    def row(self) -> dict[str, float]:
        """Every number, by name, for a table: quality_<measure> and artefact_<detector>."""
        numbers = {f"quality_{name}": score.value for name, score in self.scores.items()}
        return numbers | {f"artefact_{name}": found.score for name, found in self.artefacts.items()}


def assess(
    image: np.ndarray, mask: np.ndarray | None = None, thresholds: Mapping[str, float] | None = None
) -> Assessment:
    """Measure an image: uint8 (height, width, 3) sRGB, any size, and if known its lesion's mask (height, width).

    thresholds: measures and detectors, by name, to judge by other thresholds than their own.
    Raises CutisError for anything but such an image, and for a name in `thresholds` that doesn't exist.
    """
    view = Working(image, mask)
    own = dict(thresholds or {})
    for name in own:
        if name not in MEASURES and name not in DETECTORS:
            raise CutisError(f'threshold "{name}": {nearest(name, [*MEASURES, *DETECTORS])}')
    scores = {n: measure(view, own[n]) if n in own else measure(view) for n, measure in MEASURES.items()}
    artefacts = {n: detect(view, own[n]) if n in own else detect(view) for n, detect in DETECTORS.items()}
    return Assessment(scores, artefacts, view)


@cache
def defaults() -> Assessment:
    """Every measure and detector with its own threshold, code and advice, of a plain picture: values mean nothing."""
    return assess(np.full((SIDE, SIDE, 3), 128, np.uint8))
